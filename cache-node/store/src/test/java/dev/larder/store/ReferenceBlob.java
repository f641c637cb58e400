package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.BlobStore.StripeDigests;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** One blob of a {@link ReferenceStore}; every method runs under the store's lock. */
final class ReferenceBlob {
  final BlobKey key;
  final long size;
  final TreeMap<Long, Digest> present = new TreeMap<>();
  private final Path path;
  int opens;
  boolean doomed;
  boolean gone;
  byte @Nullable [] small;
  @Nullable SealedInfo sealed;
  private @Nullable FileChannel channel;

  ReferenceBlob(ReferenceStore store, BlobKey key, long size) {
    this.key = key;
    this.size = size;
    this.path = store.disk.directory.resolve("blob-" + store.disk.files++);
  }

  void openFile() {
    try {
      Files.createDirectories(java.util.Objects.requireNonNull(path.getParent()));
      channel =
          FileChannel.open(
              path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Path path() {
    return path;
  }

  void closeFile() {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  FileChannel channel() {
    return java.util.Objects.requireNonNull(channel);
  }

  long presentBytes() {
    return small != null
        ? size
        : present.keySet().stream().mapToLong(block -> Blocks.blockLength(size, block)).sum();
  }

  boolean isComplete() {
    return !gone && present.size() == Blocks.blockCount(size);
  }

  StripeDigests digests(int stripe) {
    List<Optional<Digest>> out = new ArrayList<>();
    for (int i = 0; i < Blocks.blocksInStripe(size, stripe); i++) {
      out.add(Optional.ofNullable(present.get((long) stripe * Blocks.STRIPE_BLOCKS + i)));
    }
    return new StripeDigests(stripe, out);
  }

  Digest root() {
    List<Digest> stripes = new ArrayList<>();
    for (int stripe = 0; stripe < Blocks.stripeCount(size); stripe++) {
      stripes.add(
          Digests.stripe(digests(stripe).blocks().stream().map(Optional::orElseThrow).toList()));
    }
    return Digests.root(size, stripes);
  }

  ByteBuffer bytes(long offset, int length) {
    try {
      ByteBuffer out = ByteBuffer.allocate(length);
      while (out.hasRemaining() && channel().read(out, offset + out.position()) > 0) {
        // A sparse file reads as zeros up to its end.
      }
      return out.clear();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Checks the blocks that touch a range; a bad one of a fill is dropped. */
  void verify(ReferenceStore store, long offset, long length) {
    if (length == 0) {
      return;
    }
    for (long block = Blocks.blockAt(offset);
        block <= Blocks.blockAt(offset + length - 1);
        block++) {
      Digest expected = present.get(block);
      if (gone || expected == null) {
        throw ReferenceStore.fault(ErrorCode.UNKNOWN_BLOB, "block " + block);
      }
      ByteBuffer bytes = bytes(Blocks.blockOffset(block), Blocks.blockLength(size, block));
      if (!Digests.ofBytes(bytes).equals(expected)) {
        if (sealed != null) {
          store.setAside(this);
        } else {
          present.remove(block);
        }
        throw ReferenceStore.fault(ErrorCode.STORE_CORRUPT, "block " + block);
      }
    }
  }

  int read(ReferenceStore store, long offset, ByteBuffer target) {
    int length = (int) Math.min(target.remaining(), Math.max(0, size - offset));
    verify(store, offset, length);
    target.put(bytes(offset, length));
    return length;
  }
}
