package dev.larder.store;

import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.BlobInfo;
import dev.larder.store.BlobStore.Fill;
import dev.larder.store.BlobStore.SealedBlob;
import dev.larder.store.BlobStore.State;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Seeded use of a store by a few threads: each owns the blobs whose number it divides, so what is
 * told of one blob is told in order.
 */
final class StoreWorkload {
  static final int THREADS = 3;
  static final int BLOBS = 60;
  private static final int MIB = 1 << 20;
  private static final int BIG = 7;
  private static final long BIG_BYTES = 66L * MIB + 12_345;

  /** Hears what the store acknowledged, and of removals before they are asked for. */
  interface Sink {
    /** The store said that this block is present. */
    void block(int number, long block);

    /** The store said that this blob is sealed. */
    void sealed(int number);

    /** The store said that this blob is pinned. */
    void pinned(int number);

    /** About to unpin. */
    void unpinning(int number);

    /** About to delete. */
    void deleting(int number);
  }

  private final BlobStore store;
  private final long seed;
  private final Sink sink;
  private final List<Sample> samples = samples();

  StoreWorkload(BlobStore store, long seed, Sink sink) {
    this.store = store;
    this.seed = seed;
    this.sink = sink;
  }

  /** The blobs of every workload; one in four is small, one has two stripes. */
  static List<Sample> samples() {
    List<Sample> out = new ArrayList<>();
    Random sizes = new Random(42);
    for (int number = 0; number < BLOBS; number++) {
      long size =
          number % 4 == 0
              ? sizes.nextInt(Blocks.SMALL_BLOB_BYTES_MAX + 1)
              : number == BIG
                  ? BIG_BYTES
                  : Blocks.SMALL_BLOB_BYTES_MAX + 1 + sizes.nextInt(2 * MIB);
      out.add(Sample.of(number * 3 + number % 3, size));
    }
    return out;
  }

  /** Works until told to stop; any fault but a full store ends it. */
  void run(int thread, AtomicBoolean stop) {
    Random random = new Random(seed * THREADS + thread);
    while (!stop.get()) {
      int number = random.nextInt(BLOBS / THREADS) * THREADS + thread;
      try {
        step(number, random);
      } catch (LarderException e) {
        if (e.code() != ErrorCode.STORE_FULL) {
          throw e;
        }
        forget(random.nextInt(BLOBS / THREADS) * THREADS + thread);
      }
    }
  }

  private void step(int number, Random random) {
    Sample sample = samples.get(number);
    switch (random.nextInt(20)) {
      case 0 -> {
        store.pin(sample.key(), "workload");
        sink.pinned(number);
      }
      case 1, 2 -> {
        sink.unpinning(number);
        store.unpin(sample.key(), "workload");
      }
      case 3 -> forget(number);
      case 4 -> store.scrub(MIB);
      case 5, 6, 7, 8 -> read(sample, random);
      default -> fill(number, sample, random);
    }
  }

  private void forget(int number) {
    sink.unpinning(number);
    store.unpin(samples.get(number).key(), "workload");
    sink.deleting(number);
    store.delete(samples.get(number).key());
  }

  private void fill(int number, Sample sample, Random random) {
    if (sample.isSmall()) {
      store.putSmall(sample.key(), sample.content(), Trust.ATTESTED, Optional.empty());
      sink.sealed(number);
      return;
    }
    try (Fill fill = store.openFill(sample.key(), sample.sizeBytes())) {
      List<Long> missing = new ArrayList<>();
      for (long block = 0; block < sample.blocks(); block++) {
        if (!fill.isPresent(block)) {
          missing.add(block);
        }
      }
      Collections.shuffle(missing, random);
      for (long block : missing.subList(0, Math.min(missing.size(), 1 + random.nextInt(4)))) {
        fill.write(Blocks.blockOffset(block), sample.block(block));
        BlobStoreContract.join(fill.complete(block, sample.digests(block, 1)));
        sink.block(number, block);
      }
      if (fill.isComplete()) {
        fill.seal(Trust.ATTESTED, Optional.of(sample.root()), Optional.empty());
        sink.sealed(number);
      }
    }
  }

  private void read(Sample sample, Random random) {
    Optional<ByteBuffer> small = store.readSmall(sample.key());
    small.ifPresent(bytes -> sample.check(0, bytes));
    Optional<SealedBlob> sealed = store.openSealed(sample.key());
    if (sealed.isPresent()) {
      try (SealedBlob blob = sealed.get()) {
        long offset = random.nextInt((int) Math.min(sample.sizeBytes(), Integer.MAX_VALUE));
        ByteBuffer out = ByteBuffer.allocate(100_000);
        blob.read(offset, out);
        sample.check(offset, out.flip());
      }
    }
  }

  /** Reads all the store says it has of a blob and compares every byte. */
  static void checkContent(BlobStore store, Sample sample) {
    Optional<BlobInfo> info = store.find(sample.key());
    if (info.isEmpty()) {
      return;
    }
    Optional<ByteBuffer> small = store.readSmall(sample.key());
    if (sample.isSmall()) {
      sample.check(0, small.orElseThrow());
    } else if (info.get().state() == State.SEALED) {
      try (SealedBlob blob = store.openSealed(sample.key()).orElseThrow()) {
        for (long block = 0; block < sample.blocks(); block++) {
          ByteBuffer out = ByteBuffer.allocate(MIB);
          blob.read(Blocks.blockOffset(block), out);
          sample.check(Blocks.blockOffset(block), out.flip());
        }
      }
    } else {
      checkFill(store, sample, info.get().presentBytes());
    }
  }

  private static void checkFill(BlobStore store, Sample sample, long presentBytes) {
    long bytes = 0;
    long claimed;
    try (Fill fill = store.openFill(sample.key(), sample.sizeBytes())) {
      // A sealed file whose removal the disk forgot, beside the record of a new fill: recovery,
      // which runs beside this, may have vouched for the file since the store was asked.
      claimed = fill.isSealed() ? sample.sizeBytes() : presentBytes;
      for (long block = 0; block < sample.blocks(); block++) {
        if (fill.isPresent(block)) {
          ByteBuffer out = ByteBuffer.allocate(Blocks.blockLength(sample.sizeBytes(), block));
          fill.read(Blocks.blockOffset(block), out);
          bytes += out.position();
          sample.check(Blocks.blockOffset(block), out.flip());
        }
      }
    }
    if (bytes != claimed) {
      throw new AssertionError(
          sample + ": the index says " + claimed + " bytes, present are " + bytes);
    }
  }
}
