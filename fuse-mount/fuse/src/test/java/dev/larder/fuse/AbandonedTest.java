package dev.larder.fuse;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.fuse.frame.Opcode;
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
  private final MemorySegment reply = Memories.zeros(SLOTS, ROWS);
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
    try (Message message = device.getLast().receive(256, 0)) {
      MemorySegment bytes = MemorySegment.ofArray(message.bytes());
      return new long[] {
        bytes.get(ValueLayout.JAVA_LONG_UNALIGNED, 8), bytes.get(ValueLayout.JAVA_INT_UNALIGNED, 4)
      };
    }
  }

  /** Replies are taken by the kernel. */
  private Abandoned heard() {
    return new Abandoned(shared, device.getFirst().fd(), reply);
  }

  /** Replies are not taken, as to requests answered before. */
  private Abandoned unheard() {
    return new Abandoned(shared, deaf, reply);
  }

  @Test
  void whatIsInFlightIsAnsweredOnce() throws Exception {
    put(2, Opcode.READ, 20, 40);
    put(5, Opcode.LOOKUP, 50, 3);
    assertEquals(2, heard().failAll(Errno.EIO));
    assertArrayEquals(new long[] {20, -Errno.EIO}, reply());
    assertArrayEquals(new long[] {50, -Errno.EIO}, reply());
    assertEquals(0, slots.inFlight());
    assertEquals(0, heard().failAll(Errno.EIO));
    assertThrows(LinuxException.class, this::reply);
  }

  @Test
  void aReleaseIsCountedOnce() throws Exception {
    put(0, Opcode.RELEASE, 10, 24);
    slots.putPhase(0, 1);
    heard().failAll(Errno.EIO);
    assertEquals(1, rows.opens(row), "counted by the agent that died");
    put(0, Opcode.RELEASE, 12, 24);
    slots.putPhase(0, 0);
    unheard().failAll(Errno.EIO);
    assertEquals(0, rows.opens(row), "answered, but not counted yet");
    assertEquals(Rows.CLOSED, rows.mode(row));
    assertArrayEquals(new long[] {10, 0}, reply());
  }

  @Test
  void aBackedFileStaysForTheNextAgentToClose() {
    rows.putMode(row, Rows.PASSTHROUGH);
    rows.putBacking(row, 7);
    put(0, Opcode.RELEASE, 10, 24);
    heard().failAll(Errno.EIO);
    assertEquals(0, rows.opens(row));
    assertTrue(rows.isBacked(row));
  }

  @Test
  void anOpenThatFailsIsNotCounted() {
    rows.putOpens(row, 3);
    put(0, Opcode.OPEN, 10, 8);
    heard().failAll(Errno.EIO);
    assertEquals(3, rows.opens(row), "not counted yet");
    put(0, Opcode.OPEN, 12, 8);
    slots.putPhase(0, 1);
    unheard().failAll(Errno.EIO);
    assertEquals(3, rows.opens(row), "answered by the agent that died: it stands");
    put(0, Opcode.OPEN, 14, 8);
    slots.putPhase(0, 1);
    heard().failAll(Errno.EIO);
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
    assertEquals(2, heard().failAll(Errno.EIO));
    assertEquals(0, rows.lookups(row));
    assertEquals(0, InodeTable.rebuild(rows).size());
    assertEquals(-1, rows.rowOf(nodeId));
    assertArrayEquals(new long[] {12, 0}, reply());
    assertThrows(LinuxException.class, this::reply);
  }

  @Test
  void requestsAreKeptForTheNextAgentAndInterruptedOnesEnd() throws Exception {
    put(0, Opcode.OPEN, 10, 8);
    put(1, Opcode.READ, 12, 40);
    put(2, Opcode.INTERRUPT, 13, 8);
    memory.set(ValueLayout.JAVA_LONG_UNALIGNED, slots.requestAt(2) + RequestHeader.BYTES, 12);
    put(3, Opcode.STATFS, 14, 0);
    put(4, Opcode.RELEASEDIR, 16, 24);
    assertEquals(1, heard().sort());
    assertEquals(10, slots.unique(0));
    assertArrayEquals(new long[] {12, -Errno.EINTR}, reply());
    assertArrayEquals(new long[] {14, 0}, reply());
    assertArrayEquals(new long[] {16, 0}, reply());
    assertThrows(LinuxException.class, this::reply);
  }

  @Test
  void whatIsReadGoesIntoAFreeSlotUntilThereIsNone() throws Exception {
    device.getFirst().fd().nonblocking(true);
    assertEquals(-Errno.EAGAIN, heard().take(0));
    put(0, Opcode.LOOKUP, 2, 3);
    for (int i = 1; i < SLOTS; i++) {
      MemorySegment frame = MemorySegment.ofArray(new byte[RequestHeader.BYTES + 3]);
      RequestHeader.put(frame, 0, RequestHeader.BYTES + 3, Opcode.LOOKUP, 2 + 2 * i, 1);
      byte[] bytes = frame.toArray(ValueLayout.JAVA_BYTE);
      device.getLast().send(bytes, List.of(), 0);
      assertEquals(bytes.length, heard().take(0));
      assertEquals(1 + i, slots.inFlight());
    }
    assertEquals(Abandoned.FULL, heard().take(0));
    assertEquals(SLOTS, heard().failAll(Errno.EIO));
    device.getLast().send(new byte[RequestHeader.BYTES], List.of(), 0);
    assertEquals(RequestHeader.BYTES, heard().take(Errno.EIO));
    assertEquals(0, slots.inFlight());
  }

  @Test
  void noFrameMakesItFail() {
    Seeds.run(random -> {
      for (int i = 0; i < 20_000; i++) {
        long at = slots.requestAt(0);
        for (int j = 0; j < 120; j++) {
          memory.set(
              ValueLayout.JAVA_BYTE, at + j, (byte) (random.nextInt(3) * random.nextInt(60)));
        }
        slots.putPhase(0, random.nextInt(2));
        if (random.nextBoolean()) {
          unheard().sort();
        }
        unheard().failAll(Errno.EIO);
        assertEquals(0, slots.inFlight());
      }
    });
  }
}
