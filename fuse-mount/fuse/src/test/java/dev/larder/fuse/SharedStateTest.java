package dev.larder.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.fuse.Init.Outcome;
import dev.larder.fuse.frame.Opcode;
import dev.larder.fuse.frame.RequestHeader;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SharedStateTest {
  private static final int SLOTS = 16;
  private static final int ROWS = 1024;

  private final MemorySegment memory = Memories.zeros(SLOTS, ROWS);

  @Test
  void headerByteForByte() {
    SharedState state = SharedState.format(memory, SLOTS, ROWS, 1234);
    state.putInit(new Outcome(45, 0x2040000001L, 256, 4096, 1 << 17, 1));
    assertEquals(1, state.nextAgentGeneration());
    assertEquals(
        "4c41524446555345" // LARDFUSE
            + "01000000" // version
            + "10000000" // slots
            + "40200000" // bytes of a slot
            + "00040000" // rows
            + "0010000000000000" // the slots begin
            + "0020020000000000" // the rows begin
            + "0020030000000000" // bytes in all
            + "01000000" // INIT is done
            + "2d000000" // minor
            + "0100004020000000" // flags
            + "00010000" // pages
            + "00100000" // write
            + "00000200" // read-ahead
            + "01000000" // stack depth
            + "d2040000" // keeper
            + "00000000"
            + "0100000000000000" // agents so far
            + "02010000" // rows touched
            + "00000000",
        hex(0, 104));
  }

  @Test
  void rowByteForByte() {
    SharedState state = SharedState.format(memory, SLOTS, ROWS, 1);
    InodeTable table = InodeTable.rebuild(state.rows());
    BlobKey key = BlobKey.origin(Digest.parse("0123456789abcdef".repeat(4)));
    int row = table.holdOrAdd(key, 0x1122334455L);
    assertEquals(258, row);
    state.rows().putMode(row, Rows.PASSTHROUGH);
    state.rows().putFlags(row, Rows.REFUSED);
    state.rows().putOpens(row, 3);
    state.rows().putBacking(row, 9);
    long at = Layout.rowsOffset(SLOTS) + 258L * 64;
    assertEquals(
        "01020101" // used, passthrough, origin, refused
            + "03000000" // opens
            + "00000000" // generation
            + "09000000" // backing
            + "5544332211000000" // size
            + "0123456789abcdef".repeat(4)
            + "01000000" // lookups
            + "00000000",
        hex(at, 64));
    assertEquals(key, state.rows().key(row));
    assertTrue(state.rows().isBacked(row));
  }

  @Test
  void slotByteForByte() {
    Slots slots = SharedState.format(memory, SLOTS, ROWS, 1).slots();
    assertEquals(4096 + 3 * 8256 + 64, slots.requestAt(3));
    RequestHeader.put(memory, slots.requestAt(3), 40, Opcode.STATFS, 0x1234, 1);
    slots.putPhase(3, 1);
    assertEquals("01000000" + "00".repeat(60), hex(4096 + 3 * 8256, 64));
    assertEquals(0x1234, slots.unique(3));
    assertEquals(3, slots.find(0x1234));
    assertEquals(-1, slots.find(0x1235));
    assertEquals(1, slots.inFlight());
    slots.clear(3);
    assertEquals(0, slots.inFlight());
    assertEquals(1, slots.phase(3));
    slots.prepare(3);
    assertEquals(0, slots.phase(3));
  }

  @Test
  void anotherProcessReadsTheSame() {
    SharedState state = SharedState.format(memory, SLOTS, ROWS, 77);
    assertEquals(Optional.empty(), SharedState.open(memory).init());
    Outcome outcome = new Outcome(36, 1, 32, 4096, 1 << 20, 0);
    state.putInit(outcome);
    SharedState other = SharedState.open(memory);
    assertEquals(Optional.of(outcome), other.init());
    assertEquals(SLOTS, other.slots().count());
    assertEquals(ROWS, other.rows().count());
    assertEquals(77, other.keeperPid());
    other.putKeeperPid(78);
    assertEquals(78, state.keeperPid());
    assertEquals(4096, other.slotsOffset());
    assertEquals(SLOTS * 8256L, other.slotsBytes());
  }

  @Test
  void rootAndFoldersAreThere() {
    Rows rows = SharedState.format(memory, SLOTS, ROWS, 1).rows();
    for (int row = 1; row < 258; row++) {
      assertEquals(row, rows.rowOf(row));
      assertEquals(row, rows.nodeId(row));
    }
    assertEquals(-1, rows.rowOf(0));
    assertEquals(-1, rows.rowOf(258));
    assertEquals(-1, rows.rowOf(-1));
    assertEquals(-1, rows.rowOf(1L << 32 | 1));
    assertEquals(-1, rows.rowOf(Integer.MAX_VALUE));
  }

  @Test
  void refusesWhatItDoesNotKnow() {
    assertEquals(ErrorCode.INTERNAL, refused());
    SharedState.format(memory, SLOTS, ROWS, 1);
    memory.set(ValueLayout.JAVA_INT, Layout.HEADER_VERSION, 2);
    assertEquals(ErrorCode.UNSUPPORTED, refused());
    memory.set(ValueLayout.JAVA_INT, Layout.HEADER_VERSION, 1);
    memory.set(ValueLayout.JAVA_INT, Layout.HEADER_ROWS, 1 << 20);
    assertEquals(ErrorCode.INTERNAL, refused());
    memory.set(ValueLayout.JAVA_INT, Layout.HEADER_ROWS, -1);
    assertEquals(ErrorCode.INTERNAL, refused());
  }

  @Test
  void boundsNameTheirKeys() {
    LarderException slots =
        assertThrows(LarderException.class, () -> SharedState.format(memory, 7, ROWS, 1));
    assertTrue(slots.getMessage().contains("mount.slots"));
    LarderException rows =
        assertThrows(LarderException.class, () -> SharedState.format(memory, SLOTS, 1, 1));
    assertTrue(rows.getMessage().contains("mount.rows-max"));
    assertThrows(
        IllegalArgumentException.class, () -> SharedState.format(memory, SLOTS + 1, ROWS, 1));
  }

  @Test
  void defaultSizesAreWhatTheContractSays() {
    assertEquals(4096 + 512 * 8256 + (64L << 20), Layout.bytes(512, 1 << 20));
  }

  private ErrorCode refused() {
    return assertThrows(LarderException.class, () -> SharedState.open(memory)).code();
  }

  private String hex(long at, int bytes) {
    return HexFormat.of().formatHex(memory.asSlice(at, bytes).toArray(ValueLayout.JAVA_BYTE));
  }
}
