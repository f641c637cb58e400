package dev.larder.keeper;

import dev.larder.fuse.BlobNamespace;
import dev.larder.fuse.Cancel;
import dev.larder.fuse.OpenedBlob;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Blobs kept as files of a directory. While a file named {@code stuck} lies beside them, reads
 * wait; while {@code sealed} does, the kernel may read them by itself.
 */
final class DirectoryBlobs implements BlobNamespace {
  private final Path directory;

  DirectoryBlobs(Path directory) {
    this.directory = directory;
  }

  @Override
  public OptionalLong sizeOf(BlobKey key) {
    try {
      return OptionalLong.of(Files.size(directory.resolve(key.diskName())));
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }

  @Override
  public OpenedBlob open(BlobKey key) {
    Path path = directory.resolve(key.diskName());
    try {
      Fd file = Fd.open(path, Fd.O_RDONLY);
      return new Blob(path, file, file.size());
    } catch (LinuxException e) {
      throw new LarderException(ErrorCode.STORE_IO, e.getMessage(), e);
    }
  }

  private boolean isStuck() {
    return Files.exists(directory.resolve("stuck"));
  }

  private final class Blob implements OpenedBlob {
    private final Path path;
    private final Fd file;
    private final long sizeBytes;

    Blob(Path path, Fd file, long sizeBytes) {
      this.path = path;
      this.file = file;
      this.sizeBytes = sizeBytes;
    }

    @Override
    public long sizeBytes() {
      return sizeBytes;
    }

    @Override
    public int readNow(long offset, ByteBuffer target) {
      return isStuck() ? -1 : copy(offset, target);
    }

    @Override
    public int read(long offset, ByteBuffer target, Cancel cancel) {
      while (isStuck()) {
        if (cancel.isCancelled()) {
          throw new LarderException(ErrorCode.CANCELLED, "cancelled");
        }
        LockSupport.parkNanos(5_000_000);
      }
      return copy(offset, target);
    }

    private int copy(long offset, ByteBuffer target) {
      MemorySegment segment = MemorySegment.ofBuffer(target);
      int wanted = target.remaining();
      long done = 0;
      while (done < wanted) {
        long got = file.pread(segment, done, wanted - done, offset + done);
        if (got <= 0) {
          throw new LarderException(ErrorCode.STORE_IO, "read " + path + ": " + got);
        }
        done += got;
      }
      target.position(target.limit());
      return wanted;
    }

    @Override
    public Optional<Path> sealedFile() {
      return Files.exists(directory.resolve("sealed")) ? Optional.of(path) : Optional.empty();
    }

    @Override
    public void close() {
      file.close();
    }
  }
}
