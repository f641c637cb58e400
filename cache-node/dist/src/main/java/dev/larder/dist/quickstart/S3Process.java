package dev.larder.dist.quickstart;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * A real S3 server in a process of its own on loopback, with random credentials, and its own count
 * of what it sent.
 */
final class S3Process implements AutoCloseable {
  static final String BUCKET = "larder-quickstart";
  static final String REGION = "us-east-1";

  private static final Duration START_DEADLINE = Duration.ofSeconds(60);
  private static final int COPY_BYTES = 256 << 10;

  /** Where S3Proxy keeps an object's MD5, which it shows as its ETag. */
  private static final String MD5_ATTRIBUTE = "user:user.content-md5";

  private final ChildProcess process;
  private final Path accessLog;
  private final String endpoint;
  private final String identity;
  private final String credential;

  private S3Process(
      ChildProcess process, Path accessLog, String endpoint, String identity, String credential) {
    this.process = process;
    this.accessLog = accessLog;
    this.endpoint = endpoint;
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
    return start(home, directory, "127.0.0.1", words -> words);
  }

  /**
   * Starts it at an address.
   *
   * @param where the words of a command that runs one where that address is
   */
  static S3Process start(
      Path home, Path directory, String address, UnaryOperator<List<String>> where)
      throws InterruptedException {
    Path libraries = home.resolve("s3server");
    if (!Files.isDirectory(libraries)) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "this distribution lacks " + libraries + "; build it again");
    }
    byte[] random = new byte[16];
    new SecureRandom().nextBytes(random);
    String identity = "quickstart";
    String credential = HexFormat.of().formatHex(random);
    Path portFile = directory.resolve("port");
    Path accessLog = directory.resolve("access.log");
    deleteOld(portFile);
    ChildProcess process =
        ChildProcess.start(
            "the S3 server",
            where.apply(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-Xmx256m",
                    "-cp",
                    libraries + "/*",
                    "dev.larder.s3server.S3ServerMain",
                    "--root",
                    directory.resolve("buckets").toString(),
                    "--host",
                    address,
                    "--port-file",
                    portFile.toString(),
                    "--access-log",
                    accessLog.toString())),
            Map.of("S3SERVER_IDENTITY", identity, "S3SERVER_CREDENTIAL", credential),
            directory.resolve("server.log"));
    try {
      process.awaitFile(portFile, START_DEADLINE);
      int port = Integer.parseInt(Files.readString(portFile).strip());
      return new S3Process(
          process, accessLog, "http://" + address + ":" + port, identity, credential);
    } catch (IOException e) {
      process.close();
      throw new UncheckedIOException(e);
    } catch (InterruptedException | LarderException e) {
      process.close();
      throw e;
    }
  }

  private static void deleteOld(Path portFile) {
    try {
      Files.deleteIfExists(portFile);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  String endpoint() {
    return endpoint;
  }

  /** Environment in which the default credential chain finds this server's credentials. */
  Map<String, String> environment() {
    return Map.of("AWS_ACCESS_KEY_ID", identity, "AWS_SECRET_ACCESS_KEY", credential);
  }

  /** The credentials as a dataset's option {@code credentials} reads them from a file. */
  String credentials() {
    return identity + ":" + credential;
  }

  /** The folder that is the bucket; files put there before the start are its objects. */
  static Path bucket(Path directory) {
    return directory.resolve("buckets").resolve(BUCKET);
  }

  /**
   * Gives every file below a folder the attribute in which the server keeps an upload's MD5, so
   * that objects have ETags as if they had been uploaded. Returns their number.
   */
  static int addEtags(Path folder) {
    try (Stream<Path> tree = Files.walk(folder)) {
      List<Path> files = tree.filter(Files::isRegularFile).toList();
      byte[] buffer = new byte[COPY_BYTES];
      for (Path file : files) {
        MessageDigest md5 = MessageDigest.getInstance("MD5");
        try (InputStream in = Files.newInputStream(file)) {
          for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
            md5.update(buffer, 0, count);
          }
        }
        Files.setAttribute(file, MD5_ATTRIBUTE, ByteBuffer.wrap(md5.digest()));
      }
      return files.size();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java runtime has no MD5", e);
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
