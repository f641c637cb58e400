package dev.larder.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore.BlobInfo;
import dev.larder.store.BlobStore.State;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What must hold of a store that was opened after an accident. */
final class StoreTruth {
  /** A record and its share of the index, charged for each small blob. */
  private static final int SMALL_OVERHEAD_BYTES_MAX = 512;

  private StoreTruth() {}

  /** Reads everything the index claims and compares every byte. */
  static void checkClaims(BlobStore store, List<Sample> samples) {
    for (Sample sample : samples) {
      try {
        StoreWorkload.checkContent(store, sample);
      } catch (LarderException | java.util.NoSuchElementException | AssertionError e) {
        throw new AssertionError("claimed and not right: " + sample + ": " + e, e);
      }
    }
    Map<String, Long> counters = store.stats().counters();
    for (String name : List.of("corrupt_blocks_total", "corrupt_blobs_total")) {
      assertEquals(0, counters.get(name), "claimed and not right: " + name);
    }
  }

  /**
   * After recovery: a file for each record, a record for each file, and figures that add up. Files
   * set aside do not count: one whose record went before its name did is vouched for by nothing.
   */
  static void checkFilesAndStats(LarderStore store, Path directory, List<Sample> samples)
      throws IOException {
    Map<BlobKey, BlobInfo> infos = new HashMap<>();
    store.forEach(info -> infos.put(info.key(), info));
    assertTrue(
        samples.stream().map(Sample::key).collect(Collectors.toSet()).containsAll(infos.keySet()),
        "the index holds blobs nobody stored");
    Set<BlobKey> fills = new HashSet<>();
    Set<BlobKey> files = new HashSet<>();
    long leastBytes = 0;
    long mostBytes = 0;
    long pinnedBytes = 0;
    for (Sample sample : samples) {
      BlobInfo info = infos.get(sample.key());
      if (info == null) {
        continue;
      }
      leastBytes += info.presentBytes();
      mostBytes += info.presentBytes() + (sample.isSmall() ? SMALL_OVERHEAD_BYTES_MAX : 0);
      pinnedBytes += info.pinned() && !sample.isSmall() ? info.presentBytes() : 0;
      if (!sample.isSmall()) {
        (info.state() == State.SEALED ? files : fills).add(sample.key());
      }
    }
    assertEquals(fills, keysUnder(directory.resolve("fills")), "files in fills/");
    assertEquals(files, keysUnder(directory.resolve("blobs")), "files in blobs/");
    StoreStats stats = store.stats();
    long sealed = infos.values().stream().filter(info -> info.state() == State.SEALED).count();
    assertEquals(sealed, stats.sealedBlobs(), "sealed blobs");
    assertEquals(infos.size() - sealed, stats.fillingBlobs(), "filling blobs");
    assertTrue(
        stats.usedBytes() >= leastBytes && stats.usedBytes() <= mostBytes,
        "used bytes are " + stats.usedBytes() + ", the blobs have " + leastBytes);
    assertTrue(stats.pinnedBytes() >= pinnedBytes, "pinned bytes " + stats.pinnedBytes());
  }

  /** Nothing is suspect after a mere kill: what was being removed is removed. */
  static void checkNothingSetAside(Path directory) throws IOException {
    try (Stream<Path> all = Files.list(directory.resolve("quarantine"))) {
      assertEquals(List.of(), all.map(Path::getFileName).toList(), "set aside after a kill");
    }
  }

  private static Set<BlobKey> keysUnder(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(Files::isRegularFile)
          .map(file -> BlobKey.parseDiskName(String.valueOf(file.getFileName())))
          .collect(Collectors.toSet());
    }
  }
}
