package dev.larder.fuse;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * The memory that keeper and agent share: header, slots and rows.
 *
 * <p><b>Ownership:</b> the memory is the caller's and outlives this. <b>Threads:</b> any. The
 * keeper writes the header; one agent at a time writes slots and rows, and the next one begins only
 * when it is certain that the former is dead. The keeper reads, and writes slots only while there
 * is no agent.
 */
public final class SharedState {
  private final MemorySegment memory;
  private final Slots slots;
  private final Rows rows;

  private SharedState(MemorySegment memory, int slotCount, int rowCount) {
    this.memory = memory;
    this.slots = new Slots(memory, Layout.slotsOffset(), slotCount);
    this.rows = new Rows(memory, Layout.rowsOffset(slotCount), rowCount);
  }

  /**
   * Lays a memory of zeros out, and makes the rows of root and folders.
   *
   * @param memory at least {@link Layout#bytes}, zeros, aligned to 8 bytes
   * @param slotCount {@code mount.slots}: requests in flight at once
   * @param rowCount {@code mount.rows-max}: rows of the inode table
   */
  public static SharedState format(
      MemorySegment memory, int slotCount, int rowCount, int keeperPid) {
    checkBounds(slotCount, rowCount);
    long bytes = Layout.bytes(slotCount, rowCount);
    if (memory.byteSize() < bytes) {
      throw new IllegalArgumentException(
          "memory has " + memory.byteSize() + " bytes, needs " + bytes);
    }
    Layout.putInt(memory, Layout.HEADER_VERSION, Layout.VERSION);
    Layout.putInt(memory, Layout.HEADER_SLOTS, slotCount);
    Layout.putInt(memory, Layout.HEADER_SLOT_BYTES, Layout.SLOT_BYTES);
    Layout.putInt(memory, Layout.HEADER_ROWS, rowCount);
    Layout.putLong(memory, Layout.HEADER_SLOTS_OFFSET, Layout.slotsOffset());
    Layout.putLong(memory, Layout.HEADER_ROWS_OFFSET, Layout.rowsOffset(slotCount));
    Layout.putLong(memory, Layout.HEADER_BYTES_TOTAL, bytes);
    Layout.putInt(memory, Layout.HEADER_KEEPER_PID, keeperPid);
    SharedState state = new SharedState(memory, slotCount, rowCount);
    state.rows.formatFixed();
    // Last, so that a half-made memory has no magic.
    Layout.putLong(memory, Layout.HEADER_MAGIC, Layout.MAGIC);
    return state;
  }

  /** Version of the layout that stands in the memory; {@link #open} knew it. */
  public int version() {
    return Layout.getInt(memory, Layout.HEADER_VERSION);
  }

  /**
   * Opens what another process laid out.
   *
   * @throws LarderException UNSUPPORTED for another version, INTERNAL for anything malformed
   */
  public static SharedState open(MemorySegment memory) {
    if (memory.byteSize() < Layout.HEADER_BYTES
        || Layout.getLong(memory, Layout.HEADER_MAGIC) != Layout.MAGIC) {
      throw malformed("no magic");
    }
    int version = Layout.getInt(memory, Layout.HEADER_VERSION);
    if (version != Layout.VERSION) {
      throw new LarderException(
          ErrorCode.UNSUPPORTED,
          "the keeper's shared memory is of version "
              + version
              + ", this build knows version "
              + Layout.VERSION);
    }
    int slotCount = Layout.getInt(memory, Layout.HEADER_SLOTS);
    int rowCount = Layout.getInt(memory, Layout.HEADER_ROWS);
    if (slotCount < Layout.SLOTS_MIN
        || slotCount > Layout.SLOTS_MAX
        || rowCount < Layout.ROWS_MIN
        || rowCount > Layout.ROWS_MAX
        || Layout.getInt(memory, Layout.HEADER_SLOT_BYTES) != Layout.SLOT_BYTES
        || Layout.getLong(memory, Layout.HEADER_SLOTS_OFFSET) != Layout.slotsOffset()
        || Layout.getLong(memory, Layout.HEADER_ROWS_OFFSET) != Layout.rowsOffset(slotCount)
        || memory.byteSize() < Layout.bytes(slotCount, rowCount)) {
      throw malformed("slots " + slotCount + ", rows " + rowCount);
    }
    return new SharedState(memory, slotCount, rowCount);
  }

  /** The requests in flight. */
  public Slots slots() {
    return slots;
  }

  /** The inode table as it stands in memory. */
  public Rows rows() {
    return rows;
  }

  /** First byte of the slots, for populating and locking them. */
  public long slotsOffset() {
    return Layout.slotsOffset();
  }

  /** Bytes of all slots. */
  public long slotsBytes() {
    return (long) slots.count() * Layout.SLOT_BYTES;
  }

  /** Records what INIT agreed on. */
  public void putInit(Init.Outcome outcome) {
    Layout.putInt(memory, Layout.HEADER_INIT_MINOR, outcome.minor());
    Layout.putLong(memory, Layout.HEADER_INIT_FLAGS, outcome.flags());
    Layout.putInt(memory, Layout.HEADER_INIT_MAX_PAGES, outcome.maxPages());
    Layout.putInt(memory, Layout.HEADER_INIT_MAX_WRITE, outcome.maxWriteBytes());
    Layout.putInt(memory, Layout.HEADER_INIT_MAX_READAHEAD, outcome.maxReadaheadBytes());
    Layout.putInt(memory, Layout.HEADER_INIT_STACK_DEPTH, outcome.maxStackDepth());
    Layout.putInt(memory, Layout.HEADER_INIT_STATE, Layout.INIT_DONE);
  }

  /** What INIT agreed on; empty while the connection is not set up. */
  public Optional<Init.Outcome> init() {
    if (Layout.getInt(memory, Layout.HEADER_INIT_STATE) != Layout.INIT_DONE) {
      return Optional.empty();
    }
    return Optional.of(
        new Init.Outcome(
            Layout.getInt(memory, Layout.HEADER_INIT_MINOR),
            Layout.getLong(memory, Layout.HEADER_INIT_FLAGS),
            Layout.getInt(memory, Layout.HEADER_INIT_MAX_PAGES),
            Layout.getInt(memory, Layout.HEADER_INIT_MAX_WRITE),
            Layout.getInt(memory, Layout.HEADER_INIT_MAX_READAHEAD),
            Layout.getInt(memory, Layout.HEADER_INIT_STACK_DEPTH)));
  }

  /** Process id of the keeper that owns the memory. */
  public int keeperPid() {
    return Layout.getInt(memory, Layout.HEADER_KEEPER_PID);
  }

  /** Records a new keeper. */
  public void putKeeperPid(int pid) {
    Layout.putInt(memory, Layout.HEADER_KEEPER_PID, pid);
  }

  /** How many agents took the memory over. */
  public long agentGeneration() {
    return Layout.getLong(memory, Layout.HEADER_AGENT_GENERATION);
  }

  /** Counts an agent; returns its generation. */
  long nextAgentGeneration() {
    long next = agentGeneration() + 1;
    Layout.putLong(memory, Layout.HEADER_AGENT_GENERATION, next);
    return next;
  }

  static void checkBounds(int slotCount, int rowCount) {
    require(
        slotCount >= Layout.SLOTS_MIN && slotCount <= Layout.SLOTS_MAX, "mount.slots", slotCount);
    require(rowCount >= Layout.ROWS_MIN && rowCount <= Layout.ROWS_MAX, "mount.rows-max", rowCount);
  }

  private static void require(boolean holds, String key, int value) {
    if (!holds) {
      throw new LarderException(ErrorCode.BAD_CONFIG, key + ": value out of range: " + value);
    }
  }

  private static LarderException malformed(String what) {
    return new LarderException(
        ErrorCode.INTERNAL, "the keeper's shared memory is malformed: " + what);
  }
}
