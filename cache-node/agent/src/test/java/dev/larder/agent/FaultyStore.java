package dev.larder.agent;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore;
import dev.larder.store.StoreStats;
import dev.larder.store.VictimGuard;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A real store whose writes fail while a fault is set. Any thread. */
public final class FaultyStore implements BlobStore {
  private final BlobStore real;
  private volatile @Nullable ErrorCode writeFault;
  private volatile @Nullable RuntimeException sealFault;

  /** Nothing fails yet; the real store is closed with this one. */
  public FaultyStore(BlobStore real) {
    this.real = real;
  }

  /** From now on writes fail so, or work again. */
  public void failWrites(@Nullable ErrorCode code) {
    writeFault = code;
  }

  /** From now on sealing breaks so, as by a defect, or works again. */
  public void breakSeals(@Nullable RuntimeException fault) {
    sealFault = fault;
  }

  private void check() {
    ErrorCode code = writeFault;
    if (code != null) {
      throw new LarderException(code, "as the test wished");
    }
  }

  @Override
  public Optional<BlobInfo> find(BlobKey key) {
    return real.find(key);
  }

  @Override
  public Optional<ByteBuffer> readSmall(BlobKey key) {
    return real.readSmall(key);
  }

  @Override
  public SealedInfo putSmall(BlobKey key, ByteBuffer content, Trust trust, Optional<Digest> root) {
    check();
    return real.putSmall(key, content, trust, root);
  }

  @Override
  public SealedInfo putFile(BlobKey key, Path file, Trust trust) {
    check();
    return real.putFile(key, file, trust);
  }

  @Override
  public Fill openFill(BlobKey key, long sizeBytes) {
    return new FaultyFill(real.openFill(key, sizeBytes));
  }

  @Override
  public Optional<SealedBlob> openSealed(BlobKey key) {
    return real.openSealed(key);
  }

  @Override
  public Optional<StripeDigests> digests(BlobKey key, int stripe) {
    return real.digests(key, stripe);
  }

  @Override
  public void pin(BlobKey key, String owner) {
    real.pin(key, owner);
  }

  @Override
  public void unpin(BlobKey key, String owner) {
    real.unpin(key, owner);
  }

  @Override
  public boolean delete(BlobKey key) {
    return real.delete(key);
  }

  @Override
  public boolean quarantine(BlobKey key, String reason) {
    return real.quarantine(key, reason);
  }

  @Override
  public void forEach(Consumer<BlobInfo> visitor) {
    real.forEach(visitor);
  }

  @Override
  public void addListener(StoreListener listener) {
    real.addListener(listener);
  }

  @Override
  public void guardEvictions(VictimGuard guard) {
    real.guardEvictions(guard);
  }

  @Override
  public ScrubReport scrub(long bytesMax) {
    return real.scrub(bytesMax);
  }

  @Override
  public StoreStats stats() {
    return real.stats();
  }

  @Override
  public void close() {
    real.close();
  }

  private final class FaultyFill implements Fill {
    private final Fill fill;

    FaultyFill(Fill fill) {
      this.fill = fill;
    }

    @Override
    public BlobKey key() {
      return fill.key();
    }

    @Override
    public long sizeBytes() {
      return fill.sizeBytes();
    }

    @Override
    public boolean isSealed() {
      return fill.isSealed();
    }

    @Override
    public boolean isPresent(long block) {
      return fill.isPresent(block);
    }

    @Override
    public boolean isComplete() {
      return fill.isComplete();
    }

    @Override
    public void reserve(long offset, long length) {
      check();
      fill.reserve(offset, length);
    }

    @Override
    public void prepare(long bytes) {
      fill.prepare(bytes);
    }

    @Override
    public void write(long offset, ByteBuffer bytes) {
      check();
      fill.write(offset, bytes);
    }

    @Override
    public CompletableFuture<Void> complete(long firstBlock, List<Digest> digests) {
      ErrorCode code = writeFault;
      return code != null
          ? CompletableFuture.failedFuture(new LarderException(code, "as the test wished"))
          : fill.complete(firstBlock, digests);
    }

    @Override
    public int read(long offset, ByteBuffer target) {
      return fill.read(offset, target);
    }

    @Override
    public FileChannel channel() {
      return fill.channel();
    }

    @Override
    public Optional<Digest> stripeDigest(int stripe) {
      return fill.stripeDigest(stripe);
    }

    @Override
    public void verify(long offset, long length) {
      fill.verify(offset, length);
    }

    @Override
    public boolean drop(int stripe) {
      return fill.drop(stripe);
    }

    @Override
    public SealedInfo seal(
        Trust atLeast, Optional<Digest> expectedRoot, Optional<ContentChecksum> checksum) {
      check();
      RuntimeException fault = sealFault;
      if (fault != null) {
        throw fault;
      }
      return fill.seal(atLeast, expectedRoot, checksum);
    }

    @Override
    public void close() {
      fill.close();
    }
  }
}
