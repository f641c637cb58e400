package dev.larder.dist.prepare;

import dev.larder.client.LarderClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;

/**
 * {@code larder prepare}: uses the program for a few seconds on files of its own. The launcher
 * starts the JVM so that it keeps what it learned meanwhile.
 */
@Command(
    name = "prepare",
    description = "Make this installation start quicker; once, after it was unpacked.")
public final class PrepareCommand implements Callable<Integer> {
  private static final int SMALL_OBJECTS = 250;
  private static final int SMALL_BYTES = 6000;
  private static final int LARGE_BYTES = 5 << 20;

  private final NodeStarter starter;

  /** A command that starts its node so. */
  public PrepareCommand(NodeStarter starter) {
    this.starter = starter;
  }

  /** Starts a node with a data and a run directory; its ready file is to be {@code ready}. */
  @FunctionalInterface
  public interface NodeStarter {
    /** Starts it; the caller closes it. */
    AutoCloseable start(Path data, Path run, Path ready);
  }

  @Override
  public Integer call() throws Exception {
    Path work = Files.createTempDirectory("larder-prepare-");
    try {
      Path ready = work.resolve("ready.json");
      Path data = work.resolve("data");
      Path run = work.resolve("run");
      try (TinyBucket bucket = new TinyBucket(SMALL_OBJECTS, SMALL_BYTES, LARGE_BYTES)) {
        try (AutoCloseable node = starter.start(data, run, ready);
            LarderClient client = LarderClient.builder().agentFile(ready).build()) {
          new ShortLife(client, work).live(bucket);
        }
        // A start that finds what a former life left goes other ways than the first one.
        starter.start(data, run, ready).close();
      }
    } finally {
      delete(work);
    }
    return 0;
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> paths = Files.walk(directory)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
