package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.checksum.ContentHasher;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** What a {@link ReferenceStore} hands out. */
final class ReferenceHandles {
  private ReferenceHandles() {}

  /** Counting of open handles, the same for both kinds. */
  private abstract static class Handle {
    final ReferenceStore store;
    final ReferenceBlob blob;
    private boolean closed;

    Handle(ReferenceStore store, ReferenceBlob blob) {
      this.store = store;
      this.blob = blob;
    }

    void requireOpen() {
      store.requireOpen();
      if (closed) {
        throw ReferenceStore.fault(ErrorCode.CLOSED, "closed");
      }
    }

    public int read(long offset, ByteBuffer target) {
      synchronized (store) {
        requireOpen();
        return blob.read(store, offset, target);
      }
    }

    public void verify(long offset, long length) {
      synchronized (store) {
        requireOpen();
        blob.verify(store, offset, length);
      }
    }

    public FileChannel channel() {
      synchronized (store) {
        requireOpen();
        return blob.channel();
      }
    }

    public void close() {
      synchronized (store) {
        if (!closed && !store.closed) {
          blob.opens--;
          if (blob.opens == 0 && blob.gone) {
            blob.closeFile();
          }
          store.removeIfUnused(blob);
        }
        closed = true;
      }
    }
  }

  static final class ReferenceSealed extends Handle implements BlobStore.SealedBlob {
    ReferenceSealed(ReferenceStore store, ReferenceBlob blob) {
      super(store, blob);
    }

    @Override
    public SealedInfo info() {
      return java.util.Objects.requireNonNull(blob.sealed);
    }

    @Override
    public Path path() {
      return blob.path();
    }
  }

  static final class ReferenceFill extends Handle implements BlobStore.Fill {
    ReferenceFill(ReferenceStore store, ReferenceBlob blob) {
      super(store, blob);
    }

    @Override
    public BlobKey key() {
      return blob.key;
    }

    @Override
    public long sizeBytes() {
      return blob.size;
    }

    @Override
    public boolean isSealed() {
      synchronized (store) {
        return !blob.gone && blob.sealed != null;
      }
    }

    @Override
    public boolean isPresent(long block) {
      synchronized (store) {
        checkBlocks(block, 1);
        return !blob.gone && blob.present.containsKey(block);
      }
    }

    @Override
    public boolean isComplete() {
      synchronized (store) {
        return blob.isComplete();
      }
    }

    private void checkBlocks(long first, int count) {
      if (first < 0 || first + count > Blocks.blockCount(blob.size)) {
        throw ReferenceStore.fault(ErrorCode.BAD_RANGE, "blocks");
      }
    }

    private void checkRange(long offset, long length) {
      if (offset < 0 || length < 0 || offset > blob.size - length) {
        throw ReferenceStore.fault(ErrorCode.BAD_RANGE, "range");
      }
    }

    @Override
    public void prepare(long bytes) {
      requireOpen();
    }

    @Override
    public void reserve(long offset, long length) {
      synchronized (store) {
        requireOpen();
        checkRange(offset, length);
        if (!isSealed()) {
          store.makeRoom(length);
        }
      }
    }

    @Override
    public void write(long offset, ByteBuffer bytes) {
      synchronized (store) {
        requireOpen();
        checkRange(offset, bytes.remaining());
        if (!isSealed()) {
          store.makeRoom(bytes.remaining());
        }
        try {
          long at = offset;
          while (bytes.hasRemaining()) {
            at += blob.channel().write(bytes, at);
          }
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }

    @Override
    public CompletableFuture<Void> complete(long firstBlock, List<Digest> digests) {
      synchronized (store) {
        requireOpen();
        checkBlocks(firstBlock, digests.size());
        if (blob.gone) {
          return CompletableFuture.failedFuture(
              ReferenceStore.fault(ErrorCode.UNKNOWN_BLOB, "gone"));
        }
        if (blob.sealed == null) {
          for (int i = 0; i < digests.size(); i++) {
            blob.present.put(firstBlock + i, digests.get(i));
          }
        }
        return CompletableFuture.completedFuture(null);
      }
    }

    @Override
    public Optional<Digest> stripeDigest(int stripe) {
      synchronized (store) {
        requireOpen();
        List<Optional<Digest>> blocks = blob.digests(stripe).blocks();
        return blob.gone || blocks.stream().anyMatch(Optional::isEmpty)
            ? Optional.empty()
            : Optional.of(Digests.stripe(blocks.stream().map(Optional::orElseThrow).toList()));
      }
    }

    @Override
    public SealedInfo seal(
        Trust atLeast, Optional<Digest> expectedRoot, Optional<ContentChecksum> checksum) {
      synchronized (store) {
        requireOpen();
        if (!blob.gone && blob.sealed != null) {
          return blob.sealed;
        }
        if (!blob.isComplete()) {
          throw ReferenceStore.fault(ErrorCode.UNKNOWN_BLOB, "a block is missing");
        }
        if (blob.size > store.budget()) {
          throw ReferenceStore.fault(ErrorCode.STORE_FULL, "larger than the budget");
        }
        Digest own = blob.root();
        boolean isSha = blob.key.kind() == BlobKey.Kind.SHA256;
        if ((expectedRoot.isPresent() && !expectedRoot.get().equals(own))
            || (isSha && !hasChecksum(sha256()))
            || (checksum.isPresent() && !hasChecksum(checksum.get()))) {
          store.setAside(blob);
          throw ReferenceStore.fault(ErrorCode.ORIGIN_CORRUPT, "mismatch");
        }
        boolean vouched = isSha || checksum.isPresent() || atLeast == Trust.VERIFIED;
        Trust trust = vouched ? Trust.VERIFIED : Trust.ATTESTED;
        SealedInfo info = new SealedInfo(blob.key, blob.size, own, trust);
        blob.sealed = info;
        store.sealed(blob);
        return info;
      }
    }

    private ContentChecksum sha256() {
      return new ContentChecksum(ContentChecksum.Algorithm.SHA256, blob.key.digest().bytes());
    }

    private boolean hasChecksum(ContentChecksum wanted) {
      ContentHasher hasher = ContentHasher.of(wanted.algorithm());
      hasher.update(blob.bytes(0, Math.toIntExact(blob.size)));
      return Arrays.equals(hasher.value(), wanted.value());
    }

    @Override
    public boolean drop(int stripe) {
      synchronized (store) {
        requireOpen();
        long first = (long) stripe * Blocks.STRIPE_BLOCKS;
        var blocks = blob.present.subMap(first, first + Blocks.STRIPE_BLOCKS);
        boolean any = blob.sealed == null && !blocks.isEmpty();
        if (any) {
          blocks.clear();
        }
        return any;
      }
    }
  }
}
