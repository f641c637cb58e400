package dev.larder.agent.http;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore;
import dev.larder.store.StoreStats;
import dev.larder.store.VictimGuard;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** The part of a store the front door asks: what it holds is what the fake node lists. */
final class FakeStore implements BlobStore {
  private final FakeNode node;

  FakeStore(FakeNode node) {
    this.node = node;
  }

  @Override
  public Optional<BlobInfo> find(BlobKey key) {
    return Optional.ofNullable(node.sizes.get(key))
        .map(size ->
            new BlobInfo(
                key,
                State.SEALED,
                size,
                size,
                Optional.of(key.digest()),
                Optional.of(Trust.VERIFIED),
                false));
  }

  @Override
  public Optional<ByteBuffer> readSmall(BlobKey key) {
    return Optional.ofNullable(node.sizes.get(key))
        .filter(Blocks::isSmall)
        .map(size -> ByteBuffer.wrap(FakeNode.bytes(key, 0, size.intValue())));
  }

  @Override
  public Optional<StripeDigests> digests(BlobKey key, int stripe) {
    long size = node.sizes.get(key);
    if (Blocks.isSmall(size)) {
      return Optional.empty();
    }
    List<Optional<Digest>> blocks = new ArrayList<>();
    for (int i = 0; i < Blocks.blocksInStripe(size, stripe); i++) {
      blocks.add(i == 1 ? Optional.empty() : Optional.of(Digests.ofBytes(new byte[] {(byte) i})));
    }
    return Optional.of(new StripeDigests(stripe, blocks));
  }

  @Override
  public StoreStats stats() {
    return new StoreStats(
        1000,
        500,
        100,
        node.sizes.size(),
        1,
        Map.of("evicted_bytes_total", 7L, "evicted_units_total", 2L, "corrupt_blocks_total", 1L),
        Map.of("rocksdb_block_cache_bytes", 4096L, "rocksdb_block_cache_capacity_bytes", 9999L));
  }

  @Override
  public SealedInfo putSmall(BlobKey key, ByteBuffer content, Trust trust, Optional<Digest> root) {
    throw new UnsupportedOperationException();
  }

  @Override
  public SealedInfo putFile(BlobKey key, Path file, Trust trust) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Fill openFill(BlobKey key, long sizeBytes) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Optional<SealedBlob> openSealed(BlobKey key) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void pin(BlobKey key, String owner) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void unpin(BlobKey key, String owner) {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean delete(BlobKey key) {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean quarantine(BlobKey key, String reason) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void forEach(Consumer<BlobInfo> visitor) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void addListener(StoreListener listener) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void guardEvictions(VictimGuard guard) {
    throw new UnsupportedOperationException();
  }

  @Override
  public ScrubReport scrub(long bytesMax) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {}
}
