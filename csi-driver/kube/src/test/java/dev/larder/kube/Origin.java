package dev.larder.kube;

import dev.larder.dist.kube.KubeNode;
import dev.larder.dist.kube.Shell;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** An S3 server in the node's network, over files with known digests. One thread. */
final class Origin implements AutoCloseable {
  private static final String BUCKET = "kube";
  private static final int PORT = 19_000;
  private static final String IDENTITY = "kube";

  private final Path buckets;
  private final Random random;
  private final String credential;
  private Process process;

  private Origin(Path buckets, long seed, Process process, String credential) {
    this.buckets = buckets;
    this.random = new Random(seed);
    this.process = process;
    this.credential = credential;
  }

  static Origin start(KubeNode node, long seed) throws Exception {
    Path folder = node.work().resolve("origin");
    Path buckets = Files.createDirectories(folder.resolve("buckets"));
    Files.createDirectories(buckets.resolve(BUCKET));
    byte[] secret = new byte[16];
    new Random(seed).nextBytes(secret);
    String credential = HexFormat.of().formatHex(secret);
    ProcessBuilder builder =
        new ProcessBuilder(
            node.inside(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-Xmx256m",
                    "-cp",
                    node.home().resolve("s3server") + "/*",
                    "dev.larder.s3server.S3ServerMain",
                    "--root",
                    buckets.toString(),
                    "--host",
                    KubeNode.ADDRESS,
                    "--port",
                    "" + PORT,
                    "--port-file",
                    folder.resolve("port").toString(),
                    "--access-log",
                    folder.resolve("access.log").toString())));
    builder.environment().put("S3SERVER_IDENTITY", IDENTITY);
    builder.environment().put("S3SERVER_CREDENTIAL", credential);
    Process process =
        builder
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("server.log").toFile())
            .start();
    Origin origin = new Origin(buckets, seed, process, credential);
    try {
      Shell.await(
          "the S3 server's port",
          Duration.ofSeconds(60),
          () -> Files.exists(folder.resolve("port")) || !process.isAlive());
      if (!process.isAlive()) {
        throw new AssertionError(Files.readString(folder.resolve("server.log")));
      }
      return origin;
    } catch (Exception | AssertionError e) {
      origin.close();
      throw e;
    }
  }

  /** What a dataset's option {@code credentials} reads from its file. */
  String credentials() {
    return IDENTITY + ":" + credential;
  }

  String endpoint() {
    return "http://" + KubeNode.ADDRESS + ":" + PORT;
  }

  static String uri(String prefix) {
    return "s3://" + BUCKET + "/" + prefix;
  }

  /** Puts random files below a prefix; answers SHA-256 digests by path within it. */
  Map<String, String> fill(String prefix, Map<String, Integer> sizes) throws Exception {
    Map<String, String> digests = new TreeMap<>();
    for (Map.Entry<String, Integer> each : new TreeMap<>(sizes).entrySet()) {
      byte[] content = new byte[each.getValue()];
      random.nextBytes(content);
      write(buckets.resolve(BUCKET).resolve(prefix).resolve(each.getKey()), content);
      digests.put(each.getKey(), digest("SHA-256", content));
    }
    return digests;
  }

  private static void write(Path file, byte[] content) throws IOException {
    Files.createDirectories(file.getParent());
    Files.write(file, content);
    // As if it had been uploaded: the server shows it as the ETag.
    byte[] md5 = HexFormat.of().parseHex(digest("MD5", content));
    Files.setAttribute(file, "user:user.content-md5", ByteBuffer.wrap(md5));
  }

  private static String digest(String algorithm, byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(content));
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() throws Exception {
    process.getOutputStream().close();
    if (!process.waitFor(10, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
    }
  }
}
