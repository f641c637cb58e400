package dev.larder.perf.process;

import dev.larder.perf.Bench;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Network namespaces behind one bridge, which stands in a namespace of its own, so that rules of
 * this host do not touch it. Each has a link of a certain rate, both ways. Needs root.
 */
public final class Namespaces implements AutoCloseable {
  private static final String PREFIX = "larder-perf-";
  private static final long COMMAND_SECONDS_MAX = 20;

  private final Path ip;
  private final Path tc;
  private final String name = PREFIX + ProcessHandle.current().pid();
  private final int count;

  private Namespaces(Path ip, Path tc, int count) {
    this.ip = ip;
    this.tc = tc;
    this.count = count;
  }

  /**
   * Makes them; empty, after saying why, where that cannot be done here.
   *
   * @param bitsPerSecond of each link, each way
   */
  public static Optional<Namespaces> create(Bench bench, int count, long bitsPerSecond)
      throws IOException, InterruptedException {
    Optional<Path> ip = Bench.program("ip");
    Optional<Path> tc = Bench.program("tc");
    if (ip.isEmpty() || tc.isEmpty() || !"root".equals(System.getProperty("user.name"))) {
      bench.say("  network namespaces need root, ip and tc (Debian: apt-get install iproute2)");
      return Optional.empty();
    }
    Namespaces made = new Namespaces(ip.get(), tc.get(), count);
    boolean isMade = false;
    try {
      made.removeLeftovers();
      made.make(bitsPerSecond);
      isMade = true;
      return Optional.of(made);
    } finally {
      if (!isMade) {
        made.close();
      }
    }
  }

  /** Words in front of a command that run it at the bridge, where no link is shaped. */
  public List<String> atHub() {
    return in(name);
  }

  /** Words in front of a command that run it behind a link, counted from 0. */
  public List<String> behind(int link) {
    return in(name + "-" + link);
  }

  private List<String> in(String namespace) {
    return List.of(ip.toString(), "netns", "exec", namespace);
  }

  /** The bridge's address. */
  public static String hubAddress() {
    return "10.231.77.1";
  }

  /** The address behind a link. */
  public static String address(int link) {
    return "10.231.77." + (10 + link);
  }

  private void make(long bitsPerSecond) throws IOException, InterruptedException {
    ip("netns", "add", name);
    ip("-n", name, "link", "set", "lo", "up");
    ip("-n", name, "link", "add", "hub", "type", "bridge");
    ip("-n", name, "addr", "add", hubAddress() + "/24", "dev", "hub");
    ip("-n", name, "link", "set", "hub", "up");
    for (int link = 0; link < count; link++) {
      String own = name + "-" + link;
      String port = "port" + link;
      ip("netns", "add", own);
      ip("-n", own, "link", "set", "lo", "up");
      ip("-n", name, "link", "add", port, "type", "veth", "peer", "name", "up0", "netns", own);
      ip("-n", name, "link", "set", port, "master", "hub", "up");
      ip("-n", own, "addr", "add", address(link) + "/24", "dev", "up0");
      ip("-n", own, "link", "set", "up0", "up");
      // What the namespace sends is shaped at its end, what it receives at the bridge's.
      shape(own, "up0", bitsPerSecond);
      shape(name, port, bitsPerSecond);
    }
  }

  private void shape(String namespace, String device, long bitsPerSecond)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(in(namespace));
    command.addAll(List.of(tc.toString(), "qdisc", "add", "dev", device, "root", "tbf"));
    command.addAll(List.of("rate", bitsPerSecond + "bit", "burst", "256kb", "latency", "20ms"));
    run(command);
  }

  private void ip(String... words) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(ip.toString()));
    command.addAll(List.of(words));
    run(command);
  }

  private static String run(List<String> command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!process.waitFor(COMMAND_SECONDS_MAX, TimeUnit.SECONDS) || process.exitValue() != 0) {
      process.destroyForcibly();
      throw new IOException(String.join(" ", command) + ": " + text.strip());
    }
    return text;
  }

  /** Of harnesses that were killed. */
  private void removeLeftovers() throws IOException, InterruptedException {
    for (String line : run(List.of(ip.toString(), "netns", "list")).split("\n", -1)) {
      String left = line.split(" ", -1)[0];
      if (left.matches(PREFIX + "\\d+(-\\d+)?")) {
        long pid = Long.parseLong(left.split("-", -1)[2]);
        if (ProcessHandle.of(pid).isEmpty()) {
          ip("netns", "del", left);
        }
      }
    }
  }

  /** Takes them away; what still runs there keeps them until it ends. */
  @Override
  public void close() throws IOException, InterruptedException {
    List<String> there =
        List.of(run(List.of(ip.toString(), "netns", "list")).split("\n", -1)).stream()
            .map(line -> line.split(" ", -1)[0])
            .filter(each -> each.equals(name) || each.startsWith(name + "-"))
            .toList();
    for (String each : there) {
      ip("netns", "del", each);
    }
  }
}
