package dev.larder.dist.prepare;

import dev.larder.client.LarderClient;
import dev.larder.protocol.LarderException;
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

  private final NodeStarter alone;
  private final MemberStarter inCluster;

  /** A command that starts its nodes so. */
  public PrepareCommand(NodeStarter alone, MemberStarter inCluster) {
    this.alone = alone;
    this.inCluster = inCluster;
  }

  /** Starts a node with a data and a run directory; its ready file is to be {@code ready}. */
  @FunctionalInterface
  public interface NodeStarter {
    /** Starts it; the caller closes it. */
    AutoCloseable start(Path data, Path run, Path ready);
  }

  /** The same as the agent of a cluster, with a CSI driver. */
  @FunctionalInterface
  public interface MemberStarter {
    /** Starts it, with the driver's sockets in a folder; the caller closes it. */
    AutoCloseable start(Path data, Path run, Path ready, Path kubelet);
  }

  @Override
  public Integer call() throws Exception {
    Path work = Files.createTempDirectory("larder-prepare-");
    // A socket's name has room for 108 bytes.
    Path kubelet = Files.createTempDirectory(Path.of("/tmp"), "larder-prepare-");
    try (TinyBucket bucket = new TinyBucket(SMALL_OBJECTS, SMALL_BYTES, LARGE_BYTES)) {
      boolean hasMounts = live(work.resolve("alone"), alone, true, life -> life.live(bucket));
      hasMounts = liveAsMember(work.resolve("member"), kubelet, bucket, hasMounts);
      if (!hasMounts) {
        // In a container's recipe, for one. Agents there serve mounts all the same.
        int unused = Classes.load("dev.larder.mount.", "dev.larder.fuse.", "dev.larder.keeper.");
      }
    } finally {
      delete(work);
      delete(kubelet);
    }
    return 0;
  }

  /** What an agent of a cluster starts with is worth less than an installation that starts. */
  private boolean liveAsMember(Path home, Path kubelet, TinyBucket bucket, boolean hasMounts)
      throws Exception {
    NodeStarter member = (data, run, ready) -> inCluster.start(data, run, ready, kubelet);
    try {
      return live(home, member, hasMounts, life -> life.liveWithPods(bucket, kubelet));
    } catch (LarderException e) {
      System.err.println("larder: prepared without a cluster: " + e);
      return hasMounts;
    }
  }

  /** What a node is used for. */
  @FunctionalInterface
  private interface Use {
    void by(ShortLife life) throws IOException;
  }

  /** Starts a node, uses it, and starts it once more; whether it could mount. */
  private static boolean live(Path home, NodeStarter starter, boolean hasMounts, Use use)
      throws Exception {
    Path data = Files.createDirectories(home).resolve("data");
    Path run = home.resolve("run");
    Path ready = home.resolve("ready.json");
    boolean hadMounts;
    try (AutoCloseable node = starter.start(data, run, ready);
        LarderClient client = LarderClient.builder().agentFile(ready).build()) {
      ShortLife life = new ShortLife(client, home, hasMounts);
      use.by(life);
      hadMounts = life.hasMounts();
    }
    // A start that finds what a former life left goes other ways than the first one.
    starter.start(data, run, ready).close();
    return hadMounts;
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> paths = Files.walk(directory)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
