package dev.larder.containers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;

/**
 * The S3 server in a container, its bucket a folder of this machine, and its own count of what it
 * sent. Any thread.
 */
final class Origin {
  static final String BUCKET = "bucket";
  static final int PORT = 9000;

  /** Where S3Proxy keeps an object's MD5, which it shows as its ETag. */
  private static final String MD5_ATTRIBUTE = "user:user.content-md5";

  private static final String IDENTITY = "larder-test";
  private static final String CREDENTIAL = "canary-s3-secret-4711";

  private final Path work;
  private final Box box;
  private final SplittableRandom random;

  /** Nothing is started; {@code work} is made. */
  Origin(Path work, String image, Box.Place place, long seed) throws IOException {
    this.work = work;
    this.random = new SplittableRandom(seed);
    Files.createDirectories(bucket());
    this.box =
        new Box(image, "s3", List.of(place))
            .bind(work, "/srv")
            .withEnv("S3SERVER_IDENTITY", IDENTITY)
            .withEnv("S3SERVER_CREDENTIAL", CREDENTIAL)
            .withCreateContainerCmdModifier(command ->
                command
                    // It ends with its input.
                    .withStdinOpen(true)
                    .withEntrypoint("bash", "-c")
                    .withCmd(
                        "exec $(echo ${JAVA_HOME:-/usr/lib/jvm/*25*})/bin/java -Xmx128m"
                            + " -XX:+UseSerialGC -cp '/opt/larder/s3server/*'"
                            + " dev.larder.s3server.S3ServerMain --root /srv/buckets"
                            + " --host 0.0.0.0 --port "
                            + PORT
                            + " --port-file /srv/port --access-log /srv/access.log"));
  }

  Box box() {
    return box;
  }

  boolean isReady() {
    return Files.exists(work.resolve("port"));
  }

  /** Environment in which an agent's default credentials are this server's. */
  static Map<String, String> environment() {
    return Map.of(
        "AWS_ACCESS_KEY_ID", IDENTITY,
        "AWS_SECRET_ACCESS_KEY", CREDENTIAL,
        "AWS_EC2_METADATA_DISABLED", "true");
  }

  /** Options of datasets here. */
  static Map<String, String> options() {
    return Map.of("endpoint", "http://s3:" + PORT, "region", "us-east-1", "path-style", "true");
  }

  private Path bucket() {
    return work.resolve("buckets").resolve(BUCKET);
  }

  /** Where an object's bytes are to be compared with. */
  Path file(String prefix, String path) {
    return bucket().resolve(prefix).resolve(path);
  }

  /** Puts objects of random bytes below a prefix; answers their paths below it. */
  synchronized List<String> put(String prefix, int count, int bytes) throws IOException {
    List<String> paths = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String path = "%dk-%03d.bin".formatted(bytes >> 10, i);
      byte[] content = new byte[bytes];
      random.nextBytes(content);
      Path file = file(prefix, path);
      Files.createDirectories(file.getParent());
      Files.write(file, content);
      Files.setAttribute(file, MD5_ATTRIBUTE, ByteBuffer.wrap(md5(content)));
      paths.add(path);
    }
    return paths;
  }

  private static byte[] md5(byte[] content) {
    try {
      return MessageDigest.getInstance("MD5").digest(content);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java runtime has no MD5", e);
    }
  }

  /**
   * Bytes of objects below a prefix that the server sent, by its access log; complete up to now, as
   * a request of its own is waited for.
   */
  long sentBytes(String prefix) {
    String marker = "/log-marker/" + UUID.randomUUID();
    URI uri = URI.create("http://" + box.address() + ":" + PORT + marker);
    try (HttpClient http = HttpClient.newHttpClient()) {
      http.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
    Until.holds(
        "the access log is written",
        Duration.ofSeconds(10),
        () -> log().stream().anyMatch(line -> line.contains(marker)));
    long bytes = 0;
    for (String line : log()) {
      // METHOD STATUS BYTES RANGE TARGET
      String[] head = line.split(" ", 4);
      boolean isContent = head[0].equals("GET") && head[1].startsWith("20");
      if (isContent && head[3].contains(" /" + BUCKET + "/" + prefix + "/")) {
        bytes += Long.parseLong(head[2]);
      }
    }
    return bytes;
  }

  private List<String> log() {
    try {
      return Files.readAllLines(work.resolve("access.log"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
