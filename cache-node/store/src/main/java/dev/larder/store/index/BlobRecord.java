package dev.larder.store.index;

import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.index.Records.BadRecordException;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * What the index knows of one blob.
 *
 * <p>Format 1, 56 bytes: version, state, trust (0 none), flags (1 doomed, 2 root known), size (8),
 * present bytes (8), root (32, zeros if unknown), CRC32C.
 *
 * @param state where it stands and what its bytes are kept as
 * @param sizeBytes its size
 * @param presentBytes bytes of its present blocks; the size once sealed
 * @param root known once sealed
 * @param trust known once sealed
 * @param doomed deleted while open: goes when closed, and is hidden until then
 */
public record BlobRecord(
    State state,
    long sizeBytes,
    long presentBytes,
    Optional<Digest> root,
    Optional<Trust> trust,
    boolean doomed) {
  private static final int BODY_BYTES = 52;
  private static final int FLAG_DOOMED = 1;
  private static final int FLAG_ROOT = 2;

  /** What a value in the index costs beyond its bytes: key, root, two records. */
  public static final long SMALL_OVERHEAD_BYTES = 256;

  /** Where a blob stands. The code is stored. */
  public enum State {
    /** A file under {@code fills/}. */
    FILLING(1),
    /** A file under {@code blobs/}. */
    SEALED_FILE(2),
    /** A value in the index. */
    SEALED_SMALL(3);

    private final byte code;

    State(int code) {
      this.code = (byte) code;
    }

    private static State ofCode(byte code) throws BadRecordException {
      for (State state : values()) {
        if (state.code == code) {
          return state;
        }
      }
      throw new BadRecordException("unknown state " + code);
    }
  }

  /** A blob of which nothing is present yet. */
  public static BlobRecord filling(long sizeBytes) {
    return new BlobRecord(State.FILLING, sizeBytes, 0, Optional.empty(), Optional.empty(), false);
  }

  /** A final blob. */
  public static BlobRecord sealed(State state, long sizeBytes, Digest root, Trust trust) {
    return new BlobRecord(
        state, sizeBytes, sizeBytes, Optional.of(root), Optional.of(trust), false);
  }

  /** The same with another count of present bytes. */
  public BlobRecord withPresent(long bytes) {
    return new BlobRecord(state, sizeBytes, bytes, root, trust, doomed);
  }

  /** The same, to go when it is closed. */
  public BlobRecord asDoomed() {
    return new BlobRecord(state, sizeBytes, presentBytes, root, trust, true);
  }

  /** Whether the blob is complete and final. */
  public boolean isSealed() {
    return state != State.FILLING;
  }

  /** Bytes of disk the budget is charged for. */
  public long chargeBytes() {
    return state == State.SEALED_SMALL ? sizeBytes + SMALL_OVERHEAD_BYTES : presentBytes;
  }

  byte[] encode(byte[] key) {
    ByteBuffer out = ByteBuffer.allocate(BODY_BYTES + Records.CRC_BYTES);
    out.put(Records.VERSION).put(state.code);
    out.put(trust.map(Trust::code).orElse((byte) 0));
    out.put((byte) ((doomed ? FLAG_DOOMED : 0) | (root.isPresent() ? FLAG_ROOT : 0)));
    out.putLong(sizeBytes).putLong(presentBytes);
    root.ifPresentOrElse(digest -> digest.write(out), () -> out.put(new byte[Digest.BYTES]));
    return Records.seal(key, out);
  }

  static BlobRecord decode(byte[] key, byte[] bytes) throws BadRecordException {
    ByteBuffer in = Records.open(key, bytes, BODY_BYTES);
    State state = State.ofCode(in.get());
    byte trust = in.get();
    int flags = in.get();
    long size = in.getLong();
    long present = in.getLong();
    Digest root = Digest.read(in);
    try {
      return new BlobRecord(
          state,
          size,
          present,
          (flags & FLAG_ROOT) != 0 ? Optional.of(root) : Optional.empty(),
          trust == 0 ? Optional.empty() : Optional.of(Trust.ofCode(trust)),
          (flags & FLAG_DOOMED) != 0);
    } catch (LarderException e) {
      if (e.code() == ErrorCode.STORE_CORRUPT) {
        throw new BadRecordException(String.valueOf(e.getMessage()));
      }
      throw e;
    }
  }
}
