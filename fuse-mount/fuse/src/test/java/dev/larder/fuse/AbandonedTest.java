package dev.larder.fuse;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.fuse.frame.Opcode;
import dev.larder.fuse.frame.ReplyHeader;
import dev.larder.fuse.frame.RequestHeader;
import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import dev.larder.linux.Message;
import dev.larder.linux.SeqPacketSocket;
import dev.larder.testkit.Seeds;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The device is one end of a socket here: what is written to it can be read at the other. */
class AbandonedTest {
  private static final int SLOTS = 8;
  private static final int ROWS = 1024;

  private final MemorySegment memory = Memories.zeros(SLOTS, ROWS);
  private final SharedState shared = SharedState.format(memory, SLOTS, ROWS, 1);
  private final Rows rows = shared.rows();
  private final Slots slots = shared.slots();
  private final Abandoned abandoned = new Abandoned(shared, Memories.zeros(SLOTS, ROWS));
  private final List<SeqPacketSocket> device = new ArrayList<>();
  private Fd deaf;
  private int row;

  @BeforeEach
  void open() throws Exception {
    device.addAll(SeqPacketSocket.pair());
    deaf = Fd.open(Path.of("/dev/null"), Fd.O_RDONLY);
    row = InodeTable.rebuild(rows).holdOrAdd(Memories.key(new Random(1)), 10);
    rows.putMode(row, Rows.USER_SPACE);
    rows.putOpens(row, 1);
  }

  @AfterEach
  void close() {
    device.forEach(SeqPacketSocket::close);
    deaf.close();
  }

  private void put(int slot, int opcode, long unique, int bodyBytes) {
    RequestHeader.put(
        memory,
        slots.requestAt(slot),
        RequestHeader.BYTES + bodyBytes,
        opcode,
        unique,
        rows.nodeId(row));
  }

  /** The next reply as unique and error; null when there is none. */
  private long[] reply() throws LinuxException {
    try (Message message = device.getLast().receive(64, 0)) {
      MemorySegment bytes = MemorySegment.ofArray(message.bytes());
      assertEquals(ReplyHeader.BYTES, bytes.byteSize());
      return new long[] {
        bytes.get(ValueLayout.JAVA_LONG_UNALIGNED, 8), bytes.get(ValueLayout.JAVA_INT_UNALIGNED, 4)
      };
    }
  }

  private Fd taking() {
    return device.getFirst().fd();
  }

  @Test
  void whatIsInFlightIsAnsweredOnce() throws Exception {
    put(2, Opcode.READ, 20, 40);
    put(5, Opcode.LOOKUP, 50, 3);
    assertEquals(2, abandoned.answerLeft(taking(), Errno.EIO));
    assertArrayEquals(new long[] {20, -Errno.EIO}, reply());
    assertArrayEquals(new long[] {50, -Errno.EIO}, reply());
    assertEquals(0, slots.inFlight());
    assertEquals(0, abandoned.answerLeft(taking(), Errno.EIO));
    assertThrows(LinuxException.class, this::reply);
  }

  @Test
  void aReleaseIsCountedOnce() throws Exception {
    put(0, Opcode.RELEASE, 10, 24);
    slots.putPhase(0, 1);
    abandoned.answerLeft(taking(), Errno.EIO);
    assertEquals(1, rows.opens(row), "counted by the agent that died");
    put(0, Opcode.RELEASE, 12, 24);
    slots.putPhase(0, 0);
    abandoned.answerLeft(deaf, Errno.EIO);
    assertEquals(0, rows.opens(row), "answered, but not counted yet");
    assertEquals(Rows.CLOSED, rows.mode(row));
    assertArrayEquals(new long[] {10, 0}, reply());
  }

  @Test
  void aBackedFileStaysForTheNextAgentToClose() {
    rows.putMode(row, Rows.PASSTHROUGH);
    rows.putBacking(row, 7);
    put(0, Opcode.RELEASE, 10, 24);
    abandoned.answerLeft(taking(), Errno.EIO);
    assertEquals(0, rows.opens(row));
    assertTrue(rows.isBacked(row));
  }

  @Test
  void anOpenThatFailsIsNotCounted() {
    rows.putOpens(row, 3);
    put(0, Opcode.OPEN, 10, 8);
    abandoned.answerLeft(taking(), Errno.EIO);
    assertEquals(3, rows.opens(row), "not counted yet");
    put(0, Opcode.OPEN, 12, 8);
    slots.putPhase(0, 1);
    abandoned.answerLeft(deaf, Errno.EIO);
    assertEquals(3, rows.opens(row), "answered by the agent that died: it stands");
    put(0, Opcode.OPEN, 14, 8);
    slots.putPhase(0, 1);
    abandoned.answerLeft(taking(), Errno.EIO);
    assertEquals(2, rows.opens(row));
  }

  @Test
  void forgottenRowsAreFreeForTheNextAgent() throws Exception {
    long nodeId = rows.nodeId(row);
    put(0, Opcode.BATCH_FORGET, 30, 8 + 2 * 16);
    long body = slots.requestAt(0) + RequestHeader.BYTES;
    memory.set(ValueLayout.JAVA_INT_UNALIGNED, body, 2);
    memory.set(ValueLayout.JAVA_LONG_UNALIGNED, body + 8, 1L << 40);
    memory.set(ValueLayout.JAVA_LONG_UNALIGNED, body + 16, 1);
    memory.set(ValueLayout.JAVA_LONG_UNALIGNED, body + 24, nodeId);
    memory.set(ValueLayout.JAVA_LONG_UNALIGNED, body + 32, 1);
    put(1, Opcode.RELEASE, 12, 24);
    assertEquals(2, abandoned.answerLeft(taking(), Errno.EIO));
    assertEquals(0, rows.lookups(row));
    assertEquals(0, InodeTable.rebuild(rows).size());
    assertEquals(-1, rows.rowOf(nodeId));
    assertArrayEquals(new long[] {12, 0}, reply());
    assertThrows(LinuxException.class, this::reply);
  }

  @Test
  void noFrameMakesItFail() {
    Seeds.run(random -> {
      MemorySegment frame = Memories.zeros(SLOTS, ROWS);
      for (int i = 0; i < 20_000; i++) {
        int length = random.nextInt(120);
        for (int at = 0; at < length; at++) {
          frame.set(ValueLayout.JAVA_BYTE, at, (byte) (random.nextInt(3) * random.nextInt(60)));
        }
        abandoned.answer(deaf, Errno.EIO, frame, 0, length);
      }
    });
  }
}
