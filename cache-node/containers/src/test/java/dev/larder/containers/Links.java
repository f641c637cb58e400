package dev.larder.containers;

import java.util.ArrayList;
import java.util.List;

/**
 * Faults of the network as packets see them: set in a container's own network namespace from
 * outside, so that the processes in it know nothing of them. Root, on the machine of the engine.
 */
final class Links {
  private Links() {}

  /** Packets of one to a port of another are lost from now on; the other way they pass. */
  static void cut(Box from, String toAddress, int port) {
    in(
        from,
        "iptables",
        "-w",
        "-A",
        "OUTPUT",
        "-d",
        toAddress,
        "-p",
        "tcp",
        "--dport",
        Integer.toString(port),
        "-j",
        "DROP");
  }

  /** All packets of one to another are lost from now on; the other way they pass. */
  static void mute(Box from, String toAddress) {
    in(from, "iptables", "-w", "-A", "OUTPUT", "-d", toAddress, "-j", "DROP");
  }

  /** Packets that were lost pass again. */
  static void heal(Box from) {
    in(from, "iptables", "-w", "-F", "OUTPUT");
  }

  /**
   * What one sends goes out at this rate, {@code 100mbit}; its own interface of the first network.
   */
  static void slow(Box from, String rate) {
    in(
        from, "tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "64k",
        "latency", "200ms");
  }

  /** Takes {@link #slow} back. */
  static void fast(Box from) {
    slow(from, "10gbit");
  }

  /** There is no route from one to a subnet from now on. */
  static void noWay(Box from, String subnet) {
    in(from, "ip", "route", "replace", "blackhole", subnet);
  }

  /** Takes {@link #noWay} back. */
  static void anyWay(Box from) {
    in(from, "ip", "route", "flush", "type", "blackhole");
  }

  private static void in(Box box, String... command) {
    List<String> whole = new ArrayList<>(List.of("nsenter", "-n", "-t", Long.toString(box.pid())));
    whole.addAll(List.of(command));
    Commands.run(whole.toArray(String[]::new));
  }
}
