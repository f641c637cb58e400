package dev.larder.containers;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** One reader at each of some agents that all read a whole dataset, once, at the same moment. */
final class Burst {
  private static final long SECONDS_MAX = 120;

  private final Map<String, CompletableFuture<Void>> readers = new LinkedHashMap<>();

  private Burst() {}

  static Burst start(Rig rig, Dataset dataset, List<String> agents) {
    Burst burst = new Burst();
    for (String agent : agents) {
      burst.readers.put(
          agent,
          CompletableFuture.runAsync(
              () -> {
                try {
                  Readers.compareAll(rig, agent, dataset);
                } catch (java.io.IOException e) {
                  throw new java.io.UncheckedIOException(e);
                }
              },
              command -> Thread.ofVirtual().name("burst-" + agent).start(command)));
    }
    return burst;
  }

  boolean isOver() {
    return readers.values().stream().allMatch(CompletableFuture::isDone);
  }

  /** Every one read all of it, and right. */
  void awaitRight() throws Exception {
    awaitRight(List.copyOf(readers.keySet()));
  }

  /** Every one of these read all of it, and right. */
  void awaitRight(List<String> agents) throws Exception {
    for (String agent : agents) {
      try {
        readers.get(agent).get(SECONDS_MAX, TimeUnit.SECONDS);
      } catch (ExecutionException | TimeoutException e) {
        throw new AssertionError("the reader at " + agent, e);
      }
    }
  }

  /** Waits for the end of one that may have failed, as its agent was killed. */
  void awaitEnd(String agent) {
    readers
        .get(agent)
        .handle((nothing, fault) -> null)
        .orTimeout(SECONDS_MAX, TimeUnit.SECONDS)
        .join();
  }
}
