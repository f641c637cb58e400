package dev.larder.store;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ReadmeTest {
  @TempDir Path directory;

  @Test
  void namesEveryMetric() throws Exception {
    String readme = Files.readString(Path.of("README.md"));
    List<String> missing = new ArrayList<>();
    try (LarderStore store = LarderStore.open(StoreTestSupport.config(directory))) {
      List<String> names = new ArrayList<>(store.stats().counters().keySet());
      names.addAll(store.stats().gauges().keySet());
      names.stream().filter(name -> !readme.contains("`" + name + "`")).forEach(missing::add);
    }
    assertTrue(missing.isEmpty(), "not in README.md: " + missing);
  }
}
