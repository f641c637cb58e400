package dev.larder.testkit;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;

/**
 * A real S3 server (the module clients/s3server) as a process of its own on loopback. Each
 * directory of {@link #buckets} is a bucket; a file put there from outside is an object without an
 * ETag, for which the server ignores If-Match; one written through S3 has the MD5 of its content.
 *
 * <p>Credentials are {@link #ACCESS_KEY} and {@link #SECRET_KEY}. Any thread.
 */
public final class S3Server implements AutoCloseable {
  /** The one access key the server takes. */
  public static final String ACCESS_KEY = "larder-test";

  /** Its secret: a canary that must never stand in a log or message. */
  public static final String SECRET_KEY = "canary-s3-secret-4711";

  private static final Duration START_MAX = Duration.ofSeconds(60);
  private static final Duration LOG_MAX = Duration.ofSeconds(10);

  private final Process process;
  private final Path work;
  private final URI endpoint;

  private S3Server(Process process, Path work, int port) {
    this.process = process;
    this.work = work;
    this.endpoint = URI.create("http://127.0.0.1:" + port);
  }

  /** Starts a server over a directory that is made where it is missing; returns when it answers. */
  public static S3Server start(Path work) throws IOException {
    return start(work, 0);
  }

  /** As {@link #start(Path)}, on a given port; the data and the log of an earlier run stay. */
  public static S3Server start(Path work, int port) throws IOException {
    Files.createDirectories(work.resolve("buckets"));
    Path portFile = work.resolve("port");
    Path log = work.resolve("server.log");
    Files.deleteIfExists(portFile);
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx512m",
            "-cp",
            classPath(),
            "dev.larder.s3server.S3ServerMain",
            "--root",
            work.resolve("buckets").toString(),
            "--port-file",
            portFile.toString(),
            "--access-log",
            work.resolve("access.log").toString(),
            "--port",
            Integer.toString(port));
    builder.environment().put("LC_ALL", "C.UTF-8");
    builder.environment().put("S3SERVER_IDENTITY", ACCESS_KEY);
    builder.environment().put("S3SERVER_CREDENTIAL", SECRET_KEY);
    Process process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    int actual =
        Children.await(
            process,
            log,
            START_MAX,
            () ->
                Files.exists(portFile)
                    ? Integer.valueOf(Files.readString(portFile).strip())
                    : null);
    return new S3Server(process, work, actual);
  }

  /** The build puts the server's libraries beside its classes: {@code target/lib}. */
  private static String classPath() {
    try {
      Class<?> main =
          Class.forName("dev.larder.s3server.S3ServerMain", false, S3Server.class.getClassLoader());
      Path classes = Path.of(main.getProtectionDomain().getCodeSource().getLocation().toURI());
      Path lib = classes.resolveSibling("lib");
      if (!Files.isDirectory(lib)) {
        throw new IllegalStateException(lib + " is missing: build clients/s3server first");
      }
      return classes + File.pathSeparator + lib + File.separator + "*";
    } catch (ClassNotFoundException | URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code http://127.0.0.1:PORT}; buckets are addressed in the path. */
  public URI endpoint() {
    return endpoint;
  }

  /** The directory of buckets. */
  public Path buckets() {
    return work.resolve("buckets");
  }

  /** Makes a bucket and returns its directory. */
  public Path createBucket(String name) throws IOException {
    return Files.createDirectories(buckets().resolve(name));
  }

  /**
   * Every answer since the start, in order. The server logs an answer when it has been sent, so
   * this sends one more request of its own and waits until that one stands in the log; it is left
   * out.
   */
  public List<AccessLogEntry> accessLog() throws IOException, InterruptedException {
    String marker = "/log-marker/" + UUID.randomUUID();
    try (HttpClient http = HttpClient.newHttpClient()) {
      http.send(
          HttpRequest.newBuilder(endpoint.resolve(marker)).build(),
          HttpResponse.BodyHandlers.discarding());
    }
    long end = System.nanoTime() + LOG_MAX.toNanos();
    while (System.nanoTime() < end) {
      List<String> lines = Files.readAllLines(work.resolve("access.log"));
      if (lines.stream().anyMatch(line -> line.contains(marker))) {
        List<AccessLogEntry> entries = new ArrayList<>();
        for (String line : lines) {
          if (!line.contains("/log-marker/")) {
            entries.add(AccessLogEntry.parse(line));
          }
        }
        return entries;
      }
      LockSupport.parkNanos(5_000_000);
    }
    throw new IOException("the server's access log lags behind");
  }

  /** Ends the server. Idempotent. */
  @Override
  public void close() {
    Children.stop(process);
  }
}
