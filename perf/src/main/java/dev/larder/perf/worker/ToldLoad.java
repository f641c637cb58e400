package dev.larder.perf.worker;

import dev.larder.coordinator.api.TlsFiles;
import dev.larder.coordinator.api.TlsMaterial;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * What loads of coordinators and of etcd share: they are told round by round, on standard input,
 * what to do, and answer each with a line. Both are there all the time and warmed alike.
 */
final class ToldLoad {
  /** A round of one of the two. */
  @FunctionalInterface
  interface Round {
    /** What the words behind the store's name ask for; the answer's line. */
    String run(LoadedStore store, String[] words) throws Exception;
  }

  private ToldLoad() {}

  /**
   * Answers rounds until standard input ends.
   *
   * @param arguments directory of {@code agent.pem}, {@code agent.key} and {@code ca.pem};
   *     addresses of the coordinators and of etcd's members, each separated by commas
   * @param round gets lines of {@code larder|etcd WORD…}
   */
  static void serve(String[] arguments, int writers, Round round) throws Exception {
    TlsMaterial tls = tls(Path.of(arguments[0]));
    try (LoadedStore larder = new LoadedStore.Coordinators(list(arguments[1]), tls, writers);
        LoadedStore etcd = new LoadedStore.Etcd(list(arguments[2]), tls, writers);
        BufferedReader told =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      System.out.println("ready");
      for (String line = told.readLine(); line != null; line = told.readLine()) {
        String[] words = line.split(" ", -1);
        System.out.println(round.run(words[0].equals("larder") ? larder : etcd, words));
      }
    }
  }

  static TlsMaterial tls(Path directory) throws IOException {
    return TlsFiles.read(
        directory.resolve("agent.key"),
        directory.resolve("agent.pem"),
        directory.resolve("ca.pem"));
  }

  private static List<String> list(String text) {
    return List.of(text.split(",", -1));
  }

  static String millis(long[] sortedNanos, double quantile) {
    return Double.toString(sortedNanos[(int) (quantile * (sortedNanos.length - 1))] / 1e6);
  }

  /** Waits until a time, if it is still to come; the time it is then. */
  static long await(long due) {
    long now = System.nanoTime();
    for (; now < due; now = System.nanoTime()) {
      LockSupport.parkNanos(due - now);
    }
    return now;
  }
}
