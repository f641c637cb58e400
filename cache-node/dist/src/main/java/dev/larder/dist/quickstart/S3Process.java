package dev.larder.dist.quickstart;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.apache.ApacheHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * A real S3 server in a process of its own on loopback, with random credentials, and its own count
 * of what it sent.
 */
final class S3Process implements AutoCloseable {
  static final String BUCKET = "larder-quickstart";
  static final String REGION = "us-east-1";

  private static final Duration START_DEADLINE = Duration.ofSeconds(60);
  private static final int UPLOADS_AT_ONCE = 4;

  private final ChildProcess process;
  private final Path accessLog;
  private final String endpoint;
  private final String identity;
  private final String credential;

  private S3Process(
      ChildProcess process, Path accessLog, int port, String identity, String credential) {
    this.process = process;
    this.accessLog = accessLog;
    this.endpoint = "http://127.0.0.1:" + port;
    this.identity = identity;
    this.credential = credential;
  }

  /** What the server's access log counts since its start. */
  record Count(long requests, long contentBytes) {
    Count minus(Count earlier) {
      return new Count(requests - earlier.requests, contentBytes - earlier.contentBytes);
    }
  }

  static S3Process start(Path home, Path directory) throws InterruptedException {
    Path libraries = home.resolve("s3server");
    if (!Files.isDirectory(libraries)) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "this distribution lacks " + libraries + "; build it again");
    }
    byte[] random = new byte[16];
    new SecureRandom().nextBytes(random);
    String identity = "quickstart";
    String credential = HexFormat.of().formatHex(random);
    Path root = directory.resolve("buckets");
    Path portFile = directory.resolve("port");
    Path accessLog = directory.resolve("access.log");
    try {
      Files.createDirectories(root.resolve(BUCKET));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    ChildProcess process =
        ChildProcess.start(
            "the S3 server",
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-cp",
                libraries + "/*",
                "dev.larder.s3server.S3ServerMain",
                "--root",
                root.toString(),
                "--port-file",
                portFile.toString(),
                "--access-log",
                accessLog.toString()),
            Map.of("S3SERVER_IDENTITY", identity, "S3SERVER_CREDENTIAL", credential),
            directory.resolve("server.log"));
    try {
      process.awaitFile(portFile, START_DEADLINE);
      int port = Integer.parseInt(Files.readString(portFile).strip());
      return new S3Process(process, accessLog, port, identity, credential);
    } catch (IOException e) {
      process.close();
      throw new UncheckedIOException(e);
    } catch (InterruptedException | LarderException e) {
      process.close();
      throw e;
    }
  }

  String endpoint() {
    return endpoint;
  }

  /** Environment in which the default credential chain finds this server's credentials. */
  Map<String, String> environment() {
    return Map.of("AWS_ACCESS_KEY_ID", identity, "AWS_SECRET_ACCESS_KEY", credential);
  }

  /** Uploads every file below a directory; keys are the relative paths. Returns their number. */
  int upload(Path source) throws InterruptedException {
    try (S3Client s3 =
            S3Client.builder()
                .endpointOverride(URI.create(endpoint))
                .region(Region.of(REGION))
                .forcePathStyle(true)
                .httpClientBuilder(ApacheHttpClient.builder())
                .credentialsProvider(
                    StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(identity, credential)))
                .build();
        ExecutorService pool = Executors.newFixedThreadPool(UPLOADS_AT_ONCE);
        Stream<Path> tree = Files.walk(source)) {
      List<Future<?>> uploads = new java.util.ArrayList<>();
      for (Path file : tree.filter(Files::isRegularFile).toList()) {
        String key = source.relativize(file).toString();
        uploads.add(
            pool.submit(
                () -> s3.putObject(b -> b.bucket(BUCKET).key(key), RequestBody.fromFile(file))));
      }
      for (Future<?> upload : uploads) {
        upload.get();
      }
      return uploads.size();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (ExecutionException e) {
      throw new LarderException(ErrorCode.ORIGIN_UNAVAILABLE, "the upload failed", e.getCause());
    }
  }

  /**
   * Counts the access log once it has stopped growing: a line is written after its answer, so it
   * may come a moment after the reader is done.
   */
  Count count() throws InterruptedException {
    try {
      long size = -1;
      while (size != Files.size(accessLog)) {
        size = Files.size(accessLog);
        Thread.sleep(300);
      }
      long requests = 0;
      long bytes = 0;
      for (String line : Files.readAllLines(accessLog)) {
        String[] fields = line.split(" ", 4);
        requests++;
        boolean content = fields[0].equals("GET") && fields[1].startsWith("20");
        boolean listing = line.contains("list-type=2");
        bytes += content && !listing ? Long.parseLong(fields[2]) : 0;
      }
      return new Count(requests, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    process.close();
  }
}
