package dev.larder.perf.process;

import dev.larder.perf.Bench;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Three members of etcd on loopback, with TLS and certificates on both sides: the peer of three
 * coordinators.
 */
public final class Etcd implements AutoCloseable {
  private static final int MEMBERS = 3;

  private final List<ChildProcess> members;
  private final List<String> addresses;

  private Etcd(List<ChildProcess> members, List<String> addresses) {
    this.members = members;
    this.addresses = addresses;
  }

  /**
   * Starts them; they find their leader by themselves. Empty when etcd is not installed.
   *
   * @param tls directory of {@code coordinator.pem}, {@code coordinator.key} and {@code ca.pem}
   */
  public static Optional<Etcd> start(Bench bench, Path tls) throws IOException {
    Optional<Path> program = Bench.program("etcd");
    if (program.isEmpty()) {
      bench.say("etcd is not installed (Debian: apt-get install etcd-server): no baseline");
      return Optional.empty();
    }
    Path home = bench.fresh("etcd");
    List<Integer> ports = freePorts(2 * MEMBERS);
    String cluster =
        IntStream.range(0, MEMBERS)
            .mapToObj(i -> "e" + i + "=" + url(ports.get(MEMBERS + i)))
            .collect(Collectors.joining(","));
    List<ChildProcess> members = new ArrayList<>();
    List<String> addresses = new ArrayList<>();
    for (int i = 0; i < MEMBERS; i++) {
      String client = url(ports.get(i));
      String peer = url(ports.get(MEMBERS + i));
      List<String> command = new ArrayList<>(List.of(program.get().toString(), "--name", "e" + i));
      command.addAll(List.of("--data-dir", home.resolve("e" + i).toString()));
      command.addAll(List.of("--listen-client-urls", client, "--advertise-client-urls", client));
      command.addAll(List.of("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer));
      command.addAll(List.of("--initial-cluster", cluster, "--initial-cluster-state", "new"));
      for (String side : List.of("", "peer-")) {
        command.addAll(
            List.of("--" + side + "cert-file", tls.resolve("coordinator.pem").toString()));
        command.addAll(
            List.of("--" + side + "key-file", tls.resolve("coordinator.key").toString()));
        command.addAll(List.of("--" + side + "trusted-ca-file", tls.resolve("ca.pem").toString()));
        command.add("--" + side + "client-cert-auth");
      }
      command.addAll(List.of("--logger", "zap", "--log-level", "warn"));
      members.add(bench.children().start("etcd-" + i, command, Map.of()));
      addresses.add("127.0.0.1:" + ports.get(i));
    }
    return Optional.of(new Etcd(members, addresses));
  }

  private static String url(int port) {
    return "https://127.0.0.1:" + port;
  }

  /** Ports of loopback that nobody listens on now. */
  public static List<Integer> freePorts(int count) throws IOException {
    List<ServerSocket> held = new ArrayList<>();
    try {
      for (int i = 0; i < count; i++) {
        held.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
      }
      return held.stream().map(ServerSocket::getLocalPort).toList();
    } finally {
      for (ServerSocket one : held) {
        one.close();
      }
    }
  }

  /** Where clients reach the members. */
  public List<String> addresses() {
    return addresses;
  }

  /** CPU seconds of all members until now. */
  public double cpuSeconds() throws IOException {
    double sum = 0;
    for (ChildProcess member : members) {
      sum += member.stat().cpuSeconds();
    }
    return sum;
  }

  @Override
  public void close() {
    members.forEach(ChildProcess::close);
  }
}
