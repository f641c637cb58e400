package dev.larder.perf.origin;

import dev.larder.perf.Bench;
import dev.larder.perf.process.ChildProcess;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;

/** {@link OriginServer} in a process of its own. */
public final class OriginProcess implements AutoCloseable {
  private final ChildProcess process;
  private final InetSocketAddress address;
  private final Path log;

  private OriginProcess(ChildProcess process, InetSocketAddress address, Path log) {
    this.process = process;
    this.address = address;
    this.log = log;
  }

  /**
   * Starts it over a directory, on loopback.
   *
   * @param bytesPerSecond rate of all answers together; 0 for as fast as it goes
   */
  public static OriginProcess start(Bench bench, Path files, long bytesPerSecond)
      throws IOException, InterruptedException {
    return start(
        bench, files, bytesPerSecond, InetAddress.getLoopbackAddress().getHostAddress(), List.of());
  }

  /**
   * Starts it over a directory.
   *
   * @param host where it listens
   * @param prefix words in front of its command: where it runs
   */
  public static OriginProcess start(
      Bench bench, Path files, long bytesPerSecond, String host, List<String> prefix)
      throws IOException, InterruptedException {
    Path log = bench.work().resolve("origin-access.log");
    ChildProcess process =
        bench
            .children()
            .java(
                "origin",
                prefix,
                List.of("-Xmx128m", "-XX:+UseSerialGC"),
                OriginServer.class,
                List.of(files.toString(), log.toString(), Long.toString(bytesPerSecond), host));
    int port = Integer.parseInt(process.line(30).replace("ready ", ""));
    return new OriginProcess(process, new InetSocketAddress(host, port), log);
  }

  /** Where it listens. */
  public InetSocketAddress address() {
    return address;
  }

  /** {@code http://host:port}. */
  public String url() {
    return "http://" + address.getHostString() + ":" + address.getPort();
  }

  /** Bytes of bodies it sent for objects whose path starts so; listings and HEADs are not in it. */
  public long bytesSent(String pathPrefix) throws IOException {
    return AccessLog.read(log).stream()
        .filter(entry -> entry.path().startsWith(pathPrefix))
        .filter(entry -> entry.status() == 200 || entry.status() == 206)
        .filter(entry -> entry.method().equals("GET"))
        .mapToLong(AccessLog.Entry::bytes)
        .sum();
  }

  /** Requests for objects whose path starts so, of any method. */
  public long requests(String pathPrefix) throws IOException {
    return AccessLog.read(log).stream()
        .filter(entry -> entry.path().startsWith(pathPrefix))
        .count();
  }

  /** The process. */
  public ChildProcess process() {
    return process;
  }

  @Override
  public void close() {
    process.close();
  }
}
