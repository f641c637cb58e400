package dev.larder.perf.measure;

import dev.larder.client.LarderClient;
import dev.larder.perf.Bench;
import dev.larder.perf.process.ChildProcess;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code larder dev} of the distribution, in a process of its own. */
final class LarderProcess implements AutoCloseable {
  private static final long START_NANOS_MAX = 60_000_000_000L;

  private final ChildProcess process;
  private final Path readyFile;
  private final InetSocketAddress address;
  private final String token;

  private LarderProcess(
      ChildProcess process, Path readyFile, InetSocketAddress address, String token) {
    this.process = process;
    this.readyFile = readyFile;
    this.address = address;
    this.token = token;
  }

  /** Starts it as {@link #start(Bench, Path, Path, List, List)} does, with no words in front. */
  static LarderProcess start(Bench bench, Path data, Path run, List<String> settings)
      throws IOException {
    return start(bench, data, run, List.of(), settings);
  }

  /**
   * Starts it and waits until it is ready.
   *
   * @param run its run directory, so that it does not meet an agent of this host
   * @param prefix words in front of its command
   * @param settings {@code KEY=VALUE} of its configuration
   */
  static LarderProcess start(
      Bench bench, Path data, Path run, List<String> prefix, List<String> settings)
      throws IOException {
    Path program = ClusterRig.program(bench);
    Path ready = data.resolveSibling(data.getFileName() + "-ready.json");
    Files.deleteIfExists(ready);
    List<String> command = new ArrayList<>(prefix);
    command.addAll(List.of(program.toString(), "dev"));
    command.addAll(List.of("--data", data.toString(), "--ready-file", ready.toString()));
    command.addAll(List.of("--run-dir", run.toString(), "--port", "0"));
    settings.forEach(setting -> command.addAll(List.of("--set", setting)));
    ChildProcess process = bench.children().start("larder", command, Map.of());
    long deadline = System.nanoTime() + START_NANOS_MAX;
    while (!Files.exists(ready)) {
      if (!process.isAlive() || System.nanoTime() > deadline) {
        process.close();
        throw new IOException("larder dev did not become ready; see " + process.log());
      }
      LockSupport.parkNanos(20_000_000);
    }
    String json = Files.readString(ready);
    String[] address = field(json, "address").split(":", -1);
    String token = Files.readString(Path.of(field(json, "tokenFile"))).strip();
    return new LarderProcess(
        process, ready, new InetSocketAddress(address[0], Integer.parseInt(address[1])), token);
  }

  private static String field(String json, String name) throws IOException {
    Matcher matcher = Pattern.compile("\"" + name + "\"\\s*:\\s*\"([^\"]+)\"").matcher(json);
    if (!matcher.find()) {
      throw new IOException("the ready file has no " + name);
    }
    return matcher.group(1);
  }

  InetSocketAddress address() {
    return address;
  }

  /** What every request carries. */
  Map<String, String> headers() {
    return Map.of("Authorization", "Bearer " + token);
  }

  /** A number that its metrics show; {@code series} is the whole name with its labels. */
  double metric(String series) throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(
            URI.create(
                "http://%s:%d/metrics".formatted(address.getHostString(), address.getPort())));
    headers().forEach(request::header);
    try (HttpClient client = HttpClient.newHttpClient()) {
      String text = client.send(request.build(), BodyHandlers.ofString()).body();
      return text.lines()
          .filter(line -> line.startsWith(series + " "))
          .mapToDouble(line -> Double.parseDouble(line.substring(series.length() + 1)))
          .findFirst()
          .orElseThrow(() -> new IOException("no " + series + " is shown"));
    }
  }

  /** A client; the caller closes it. */
  LarderClient client() {
    return LarderClient.builder().agentFile(readyFile).build();
  }

  ChildProcess process() {
    return process;
  }

  @Override
  public void close() {
    process.close();
  }
}
