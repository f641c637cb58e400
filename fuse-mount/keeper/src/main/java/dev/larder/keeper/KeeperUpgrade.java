package dev.larder.keeper;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;

/**
 * Puts another keeper, of this build, in the place of the one that runs. Mounts, requests that wait
 * and the agent stay; readers notice nothing.
 *
 * <p><b>Threads:</b> one. <b>Errors:</b> LarderException: CLOSED when no keeper runs, BAD_CONFIG
 * for a setting the new one does not know, UNSUPPORTED with the new one's last words when it did
 * not take over, and then the former one goes on; DEADLINE when it does not say.
 */
public final class KeeperUpgrade {
  private static final long LOOK_NANOS = 10_000_000;
  private static final int WORDS_MAX = 4;

  private final KeeperProcess launcher;
  private final Path runDirectory;

  /**
   * Upgrades nothing yet.
   *
   * @param launcher starts keepers of the new build
   * @param runDirectory the keeper's
   */
  public KeeperUpgrade(KeeperProcess launcher, Path runDirectory) {
    this.launcher = launcher;
    this.runDirectory = runDirectory;
  }

  /**
   * What became of it.
   *
   * @param former process of the keeper that ended
   * @param successor process of the keeper that runs now
   * @param mounts directories that show a view, before and after
   */
  public record Result(long former, long successor, int mounts) {}

  /**
   * Upgrades.
   *
   * @param changes settings that are to be others than the running keeper's, by key
   * @param deadline how long the new one may take
   */
  public Result run(Map<String, String> changes, Duration deadline) {
    long former;
    int mounts;
    try (KeeperClient client =
        KeeperClient.connect(runDirectory)
            .orElseThrow(
                () -> new LarderException(ErrorCode.CLOSED, "no keeper runs in " + runDirectory))) {
      former = client.command();
      mounts = client.mounts().size();
    }
    KeeperConfig config = successor(former, changes);
    try {
      long logged = logBytes();
      Process process = launcher.start(config);
      await(process, deadline, logged);
      return new Result(former, process.pid(), mounts);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.UNSUPPORTED, "cannot start the keeper: " + e, e);
    }
  }

  /** As the former one runs, but for what is to change. */
  private KeeperConfig successor(long former, Map<String, String> changes) {
    Map<String, String> settings = new LinkedHashMap<>(settings(former));
    settings.putAll(changes);
    settings.put("keeper.run-directory", runDirectory.toAbsolutePath().toString());
    settings.put("keeper.take-over", "true");
    List<String> arguments = new ArrayList<>();
    settings.forEach((key, value) -> arguments.add(key + "=" + value));
    return KeeperConfig.parse(arguments);
  }

  /** What a keeper's command line says; it stays true for all of its life. */
  private static Map<String, String> settings(long pid) {
    Path file = Path.of("/proc", Long.toString(pid), "cmdline");
    try {
      List<String> words =
          Arrays.asList(Files.readString(file, StandardCharsets.UTF_8).split("\0", -1));
      int main = words.indexOf(KeeperMain.class.getName());
      if (main < 0) {
        throw new LarderException(
            ErrorCode.UNSUPPORTED, "process " + pid + " does not look like a keeper");
      }
      Map<String, String> settings = new LinkedHashMap<>();
      for (String word : words.subList(main + 1, words.size())) {
        int equals = word.indexOf('=');
        if (equals > 0) {
          settings.put(word.substring(0, equals), word.substring(equals + 1));
        }
      }
      return settings;
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.UNSUPPORTED,
          "the settings of the keeper, process " + pid + ", cannot be read: " + e,
          e);
    }
  }

  private void await(Process process, Duration deadline, long logged) throws IOException {
    long end = System.nanoTime() + deadline.toNanos();
    while (!listens(process.pid())) {
      if (!process.isAlive()) {
        throw new LarderException(
            ErrorCode.UNSUPPORTED,
            "the new keeper did not take over, the former one goes on: " + words(logged));
      }
      if (System.nanoTime() - end > 0) {
        throw new LarderException(
            ErrorCode.DEADLINE,
            "the new keeper, process " + process.pid() + ", does not listen: " + words(logged));
      }
      LockSupport.parkNanos(LOOK_NANOS);
    }
  }

  private boolean listens(long pid) {
    try (KeeperClient client = KeeperClient.connect(runDirectory).orElse(null)) {
      return client != null && client.command() == pid;
    } catch (LarderException e) {
      // The former one ends while it is asked.
      if (e.code() == ErrorCode.CLOSED || e.code() == ErrorCode.DEADLINE) {
        return false;
      }
      throw e;
    }
  }

  private Path log() {
    return runDirectory.resolve("keeper.log");
  }

  private long logBytes() throws IOException {
    return Files.exists(log()) ? Files.size(log()) : 0;
  }

  /** The last lines of the log since a moment. */
  private String words(long from) throws IOException {
    byte[] all = Files.exists(log()) ? Files.readAllBytes(log()) : new byte[0];
    // It is moved aside when it is too long.
    int start = from <= all.length ? (int) from : 0;
    List<String> lines =
        new String(all, start, all.length - start, StandardCharsets.UTF_8).lines().toList();
    int first = Math.max(0, lines.size() - WORDS_MAX);
    return String.join("; ", lines.subList(first, lines.size())) + " (" + log() + ")";
  }
}
