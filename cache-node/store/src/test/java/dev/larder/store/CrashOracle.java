package dev.larder.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.store.BlobStore.BlobInfo;
import dev.larder.store.BlobStore.Fill;
import dev.larder.store.BlobStore.State;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/**
 * What a store must still have after its process was killed. With eviction only what was
 * acknowledged while pinned is certain; without, all of it.
 */
final class CrashOracle {
  private final List<Sample> samples = StoreWorkload.samples();
  private final List<Expected> expected = new ArrayList<>();
  private final boolean evicts;
  private int checked;

  private static final class Expected {
    final TreeSet<Long> blocks = new TreeSet<>();
    boolean sealed;
    boolean pinned;

    void clear() {
      blocks.clear();
      sealed = false;
    }
  }

  CrashOracle(boolean evicts) {
    this.evicts = evicts;
    samples.forEach(sample -> expected.add(new Expected()));
  }

  /** Blocks and blobs that were expected and found, over all kills. */
  int checked() {
    return checked;
  }

  /** Takes a line of {@link CrashChild}. */
  void hear(String line) {
    String[] words = line.split(" ");
    Expected blob = expected.get(Integer.parseInt(words[1]));
    switch (words[0]) {
      case "block" -> {
        if (!evicts || blob.pinned) {
          blob.blocks.add(Long.parseLong(words[2]));
        }
      }
      case "sealed" -> blob.sealed = !evicts || blob.pinned;
      case "pinned" -> blob.pinned = true;
      case "unpinning" -> {
        blob.pinned = false;
        if (evicts) {
          blob.clear();
        }
      }
      case "deleting" -> blob.clear();
      default -> throw new AssertionError("the child says: " + line);
    }
  }

  /** Compares, and takes what is there as what the next child starts from. */
  void check(BlobStore store) {
    for (int number = 0; number < samples.size(); number++) {
      Sample sample = samples.get(number);
      Expected blob = expected.get(number);
      Optional<BlobInfo> info = store.find(sample.key());
      if (blob.sealed) {
        assertEquals(
            Optional.of(State.SEALED),
            info.map(BlobInfo::state),
            "acknowledged as sealed and lost: blob " + number);
        checked++;
      } else if (!blob.blocks.isEmpty()) {
        checkBlocks(store, number, sample, blob);
      }
      if (blob.pinned && info.isPresent()) {
        assertTrue(info.get().pinned(), "pin of blob " + number + " was lost");
      }
      blob.pinned = info.map(BlobInfo::pinned).orElse(false);
    }
  }

  private void checkBlocks(BlobStore store, int number, Sample sample, Expected blob) {
    assertTrue(store.find(sample.key()).isPresent(), "fill " + number + " was lost");
    try (Fill fill = store.openFill(sample.key(), sample.sizeBytes())) {
      for (long block : blob.blocks) {
        assertTrue(fill.isPresent(block), "block " + block + " of blob " + number + " was lost");
        checked++;
      }
    }
  }
}
