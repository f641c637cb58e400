package dev.larder.agent.fill;

/**
 * One reader's share of a blob being filled. One thread at a time; {@link #close} from any.
 *
 * <p><b>Ownership:</b> the caller closes it; the store's file stays open until then.
 */
public final class FillReader implements AutoCloseable {
  private final BlobFill blob;
  private final long id;
  private final boolean isSequential;
  private final boolean wantsAll;
  private final BlockSet filledBefore;
  private final boolean isWarm;
  private final boolean isForMember;

  /** End of what was handed out without a gap from the blob's start. */
  private long handedTo;

  private volatile boolean isClosed;
  private volatile boolean hasHearsay;

  FillReader(BlobFill blob, long id, ReadShape shape, BlockSet filledBefore) {
    this(blob, id, shape, filledBefore, false);
  }

  /** {@code isForMember} says that another member reads, which checks every block itself. */
  FillReader(BlobFill blob, long id, ReadShape shape, BlockSet filledBefore, boolean isForMember) {
    this.isForMember = isForMember;
    this.blob = blob;
    this.id = id;
    this.isSequential = shape != ReadShape.RANDOM;
    this.wantsAll = shape == ReadShape.WHOLE || shape == ReadShape.WARM;
    this.isWarm = shape == ReadShape.WARM;
    this.filledBefore = filledBefore;
  }

  /** How much of a blob a reader wants. */
  public enum ReadShape {
    /** Here and there. */
    RANDOM,
    /** On from where it starts. */
    SEQUENTIAL,
    /** Everything, at once. */
    WHOLE,
    /** Everything, when nobody else wants anything. */
    WARM
  }

  /**
   * Waits for bytes at an offset; the calls together say how the reader moves.
   *
   * @throws dev.larder.protocol.LarderException what the origin answered; CANCELLED after close;
   *     ORIGIN_CORRUPT when the blob as a whole turned out wrong
   */
  public Found next(long offset, long lengthMax) {
    Found found = blob.next(this, offset, lengthMax);
    if (found instanceof Found.Bytes bytes && bytes.offset() <= handedTo) {
      handedTo = Math.max(handedTo, bytes.offset() + bytes.length());
    }
    return found;
  }

  /**
   * Waits until every block is present, or a fault; for warm-ups.
   *
   * @throws dev.larder.protocol.LarderException as {@link #next}; STORE_FULL, STORE_IO
   */
  public void awaitComplete() {
    blob.awaitComplete(this);
  }

  /** Bytes of the blob that are in the store. */
  public long presentBytes() {
    return blob.presentBytes();
  }

  @Override
  public void close() {
    if (!isClosed) {
      isClosed = true;
      blob.detach(this);
    }
  }

  long id() {
    return id;
  }

  boolean isClosed() {
    return isClosed;
  }

  boolean isSequential() {
    return isSequential;
  }

  boolean wantsAll() {
    return wantsAll;
  }

  boolean isWarm() {
    return isWarm;
  }

  boolean isForMember() {
    return isForMember;
  }

  /** It was handed bytes that only {@link Hearsay} vouched for. */
  void tookHearsay() {
    hasHearsay = true;
  }

  boolean hasHearsay() {
    return hasHearsay;
  }

  long handedTo() {
    return handedTo;
  }

  boolean wasFilledBefore(long block) {
    return filledBefore.has(block);
  }
}
