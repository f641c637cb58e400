package dev.larder.agent.dataset;

import dev.larder.origin.Origin;
import dev.larder.origin.OriginObject;
import dev.larder.origin.SecretMemory;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * An origin whose failed reads are told to somebody. Listings are not: who asked for one is
 * answered. Threads and ownership as the origin's; {@link #close} closes it.
 */
public final class WatchedOrigin implements Origin {
  private final DatasetName dataset;
  private final Origin origin;
  private final OriginWatch watch;

  private WatchedOrigin(DatasetName dataset, Origin origin, OriginWatch watch) {
    this.dataset = dataset;
    this.origin = origin;
    this.watch = watch;
  }

  /**
   * Opens a dataset's origin and watches it.
   *
   * @throws LarderException as {@code open} throws it
   */
  public static Origin open(DatasetName dataset, Supplier<Origin> open, OriginWatch watch) {
    return new WatchedOrigin(dataset, told(dataset, "", watch, open), watch);
  }

  @Override
  public String uri() {
    return origin.uri();
  }

  @Override
  public void list(ListingSink sink) {
    origin.list(sink);
  }

  @Override
  public OriginRead open(OriginObject object, long offset, long length) {
    OriginRead read =
        told(dataset, object.path(), watch, () -> origin.open(object, offset, length));
    return new WatchedRead(read, object.path());
  }

  @Override
  public Optional<ContentChecksum> checksum(OriginObject object) {
    return told(dataset, object.path(), watch, () -> origin.checksum(object));
  }

  @Override
  public void close() {
    origin.close();
  }

  private static <T> T told(DatasetName dataset, String path, OriginWatch watch, Supplier<T> work) {
    try {
      return work.get();
    } catch (LarderException e) {
      // A secret that is not here yet is brought by whoever would be told.
      boolean isOwn = e.code() == ErrorCode.CANCELLED || e.code() == ErrorCode.CLOSED;
      if (!isOwn && SecretMemory.lackBehind(e).isEmpty()) {
        watch.failed(dataset, path, e);
      }
      throw e;
    }
  }

  private final class WatchedRead implements OriginRead {
    private final OriginRead read;
    private final String path;

    WatchedRead(OriginRead read, String path) {
      this.read = read;
      this.path = path;
    }

    @Override
    public int read(ByteBuffer target) {
      return told(dataset, path, watch, () -> read.read(target));
    }

    @Override
    public Optional<ContentChecksum> checksum() {
      return read.checksum();
    }

    @Override
    public void close() {
      read.close();
    }
  }
}
