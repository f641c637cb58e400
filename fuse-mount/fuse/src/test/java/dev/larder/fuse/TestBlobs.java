package dev.larder.fuse;

import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Blobs kept as files of a directory, whose last digest byte says how they behave. Several
 * processes can serve one directory.
 */
final class TestBlobs implements BlobNamespace {
  /** How a blob answers. */
  enum Manner {
    /** All there. */
    LOCAL,
    /** A sealed file. */
    SEALED,
    /** Every read waits a little. */
    WAITING,
    /** Reads wait until they are cancelled or {@link #unstick} is called. */
    STUCK,
    /** Reads fail. */
    FAILING,
    /** All there, and what is small comes with the open. */
    PRELOADED
  }

  private static final int PRELOAD_BYTES_MAX = 64 << 10;

  private final Path directory;
  private final long waitNanosMax;
  private final CountDownLatch unstuck = new CountDownLatch(1);

  TestBlobs(Path directory, long waitNanosMax) {
    this.directory = directory;
    this.waitNanosMax = waitNanosMax;
  }

  /** The key of a blob; the seed is its content's too. */
  static BlobKey key(long seed, Manner manner) {
    long d = Content.word(~seed, 3) & ~0xffL | manner.ordinal();
    Digest digest =
        new Digest(Content.word(~seed, 0), Content.word(~seed, 1), Content.word(~seed, 2), d);
    return (seed & 1) == 0 ? BlobKey.sha256(digest) : BlobKey.origin(digest);
  }

  /** Makes a blob. */
  BlobKey add(long seed, Manner manner, long sizeBytes) throws IOException {
    BlobKey key = key(seed, manner);
    Files.createDirectories(file(key).getParent());
    Content.write(file(key), seed, sizeBytes);
    return key;
  }

  Path file(BlobKey key) {
    return directory.resolve(key.diskName());
  }

  /** Lets stuck reads go on. */
  void unstick() {
    unstuck.countDown();
  }

  @Override
  public OptionalLong sizeOf(BlobKey key) {
    try {
      return OptionalLong.of(Files.size(file(key)));
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }

  @Override
  public OpenedBlob open(BlobKey key) {
    try {
      return new Blob(key, Fd.open(file(key), Fd.O_RDONLY));
    } catch (LinuxException e) {
      throw new LarderException(ErrorCode.STORE_IO, e.getMessage(), e);
    }
  }

  private final class Blob implements OpenedBlob {
    private final Fd file;
    private final Path path;
    private final Manner manner;
    private final long sizeBytes;

    Blob(BlobKey key, Fd file) throws LinuxException {
      this.file = file;
      this.path = file(key);
      this.manner = Manner.values()[(int) (key.digest().d() & 0xff)];
      this.sizeBytes = file.size();
    }

    @Override
    public long sizeBytes() {
      return sizeBytes;
    }

    @Override
    public int readNow(long offset, ByteBuffer target) {
      return switch (manner) {
        case LOCAL, SEALED, PRELOADED -> copy(offset, target);
        case WAITING, STUCK, FAILING -> -1;
      };
    }

    /** Also where the bytes do not come at once: then a READ asks for them. */
    @Override
    public int preloadBytes() {
      boolean isLarge = sizeBytes > PRELOAD_BYTES_MAX;
      return manner == Manner.LOCAL || manner == Manner.SEALED || isLarge ? 0 : (int) sizeBytes;
    }

    @Override
    public int read(long offset, ByteBuffer target, Cancel cancel) {
      switch (manner) {
        case WAITING -> waitFor(ThreadLocalRandom.current().nextLong(waitNanosMax + 1), cancel);
        case STUCK -> {
          while (unstuck.getCount() > 0) {
            waitFor(TimeUnit.HOURS.toNanos(1), cancel);
          }
        }
        case FAILING -> throw new LarderException(ErrorCode.ORIGIN_CHANGED, "changed");
        case LOCAL, SEALED, PRELOADED -> {}
      }
      return copy(offset, target);
    }

    private void waitFor(long nanos, Cancel cancel) {
      long end = System.nanoTime() + nanos;
      Thread waiter = Thread.currentThread();
      cancel.onCancel(() -> LockSupport.unpark(waiter));
      long left;
      while ((left = end - System.nanoTime()) > 0
          && (manner != Manner.STUCK || unstuck.getCount() > 0)) {
        if (cancel.isCancelled()) {
          throw new LarderException(ErrorCode.CANCELLED, "cancelled");
        }
        LockSupport.parkNanos(Math.min(left, 100_000_000));
      }
      cancel.onCancel(null);
    }

    private int copy(long offset, ByteBuffer target) {
      MemorySegment segment = MemorySegment.ofBuffer(target);
      int wanted = target.remaining();
      long done = 0;
      while (done < wanted) {
        long got = file.pread(segment, done, wanted - done, offset + done);
        if (got <= 0) {
          throw new LarderException(ErrorCode.STORE_IO, "pread of " + path + ": " + got);
        }
        done += got;
      }
      target.position(target.limit());
      return wanted;
    }

    @Override
    public Optional<Path> sealedFile() {
      return manner == Manner.SEALED ? Optional.of(path) : Optional.empty();
    }

    @Override
    public void close() {
      file.close();
    }
  }
}
