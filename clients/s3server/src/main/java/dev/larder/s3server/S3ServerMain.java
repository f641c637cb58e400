package dev.larder.s3server;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.gaul.s3proxy.BlobStores;
import org.gaul.s3proxy.S3Proxy;
import org.gaul.shaded.org.eclipse.jetty.server.CustomRequestLog;
import org.gaul.shaded.org.eclipse.jetty.server.RequestLog;
import org.gaul.shaded.org.eclipse.jetty.server.Server;

/**
 * Starts S3Proxy over a directory whose folders are buckets.
 *
 * <p>{@code --root DIR --port-file FILE --access-log FILE [--host ADDRESS] [--port N]}, by default
 * on loopback, credentials in the environment variables S3SERVER_IDENTITY and S3SERVER_CREDENTIAL.
 * The port file is written when the server answers; the process ends when its standard input does,
 * so that it never outlives whoever started it. A line of the access log is {@code METHOD STATUS
 * BYTES RANGE PATH?QUERY}: BYTES are body bytes sent, RANGE is the request header or -.
 */
public final class S3ServerMain {
  private static final String LOG_FORMAT = "%m %s %O %{Range}i %U%q";
  private static final List<String> OPTIONS =
      List.of("--root", "--port-file", "--access-log", "--host", "--port");

  private S3ServerMain() {}

  public static void main(String[] args) throws Exception {
    Map<String, String> options = parse(args);
    Properties properties = new Properties();
    String root = options.get("--root");
    properties.setProperty("s3proxy.provider", "filesystem-nio2");
    properties.setProperty("jclouds.provider", "filesystem-nio2");
    properties.setProperty("s3proxy.filesystem.basedir", root);
    properties.setProperty("jclouds.filesystem.basedir", root);
    properties.setProperty(
        "s3proxy.endpoint",
        "http://"
            + options.getOrDefault("--host", "127.0.0.1")
            + ":"
            + options.getOrDefault("--port", "0"));
    properties.setProperty("s3proxy.authorization", "aws-v2-or-v4");
    properties.setProperty("s3proxy.identity", environment("S3SERVER_IDENTITY"));
    properties.setProperty("s3proxy.credential", environment("S3SERVER_CREDENTIAL"));
    properties.setProperty("s3proxy.ignore-unknown-headers", "true");
    S3Proxy proxy =
        S3Proxy.Builder.fromProperties(properties)
            .blobStore(BlobStores.create("filesystem-nio2", properties))
            .build();
    try (Writer log = Files.newBufferedWriter(Path.of(options.get("--access-log")))) {
      serverOf(proxy).setRequestLog(new CustomRequestLog(new Lines(log), LOG_FORMAT));
      proxy.start();
      publish(Path.of(options.get("--port-file")), proxy.getPort());
      while (System.in.read() >= 0) {
        // Whoever started this process holds the other end; only its end matters.
      }
      proxy.stop();
    }
  }

  /** S3Proxy offers no access log, so its Jetty server is asked for one. */
  private static Server serverOf(S3Proxy proxy) throws ReflectiveOperationException {
    Field field = S3Proxy.class.getDeclaredField("server");
    field.setAccessible(true);
    return (Server) field.get(proxy);
  }

  private static void publish(Path portFile, int port) throws IOException {
    Path fresh = portFile.resolveSibling(portFile.getFileName() + ".new");
    Files.writeString(fresh, Integer.toString(port));
    Files.move(fresh, portFile, StandardCopyOption.ATOMIC_MOVE);
  }

  private static Map<String, String> parse(String[] args) {
    Map<String, String> options = new HashMap<>();
    for (int i = 0; i + 1 < args.length; i += 2) {
      if (!OPTIONS.contains(args[i])) {
        throw new IllegalArgumentException("unknown option " + args[i] + "; known: " + OPTIONS);
      }
      options.put(args[i], args[i + 1]);
    }
    for (String needed : OPTIONS.subList(0, 3)) {
      if (!options.containsKey(needed)) {
        throw new IllegalArgumentException("option " + needed + " is missing");
      }
    }
    return options;
  }

  private static String environment(String name) {
    String value = System.getenv(name);
    if (value == null || value.isEmpty()) {
      throw new IllegalArgumentException("environment variable " + name + " is missing");
    }
    return value;
  }

  /** Log lines, flushed one by one, so that a reader of the file sees what was answered. */
  private static final class Lines implements RequestLog.Writer {
    private final Writer log;

    Lines(Writer log) {
      this.log = log;
    }

    @Override
    public synchronized void write(String line) {
      try {
        log.write(line + "\n");
        log.flush();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
