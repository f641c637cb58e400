package dev.larder.perf.process;

import dev.larder.perf.Bench;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** nginx with sendfile over one directory, on loopback: the peer of local hits. */
public final class Nginx implements AutoCloseable {
  private final ChildProcess process;
  private final InetSocketAddress address;

  private Nginx(ChildProcess process, InetSocketAddress address) {
    this.process = process;
    this.address = address;
  }

  /** Starts it over a directory; empty when nginx is not installed. */
  public static Optional<Nginx> start(Bench bench, Path files) throws Exception {
    return start(bench, files, "");
  }

  /**
   * The same with TLS 1.3 and certificates on both sides, as agents have among themselves.
   *
   * @param tls directory of {@code agent.pem}, {@code agent.key} and {@code ca.pem}
   */
  public static Optional<Nginx> startTls(Bench bench, Path files, Path tls) throws Exception {
    return start(
        bench,
        files,
        """
        ssl_certificate %1$s/agent.pem;
            ssl_certificate_key %1$s/agent.key;
            ssl_client_certificate %1$s/ca.pem;
            ssl_verify_client on;
            ssl_protocols TLSv1.3;
            ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
        """
            .formatted(tls));
  }

  private static Optional<Nginx> start(Bench bench, Path files, String tls) throws Exception {
    Optional<Path> program = Bench.program("nginx");
    if (program.isEmpty()) {
      bench.say("nginx is not installed (Debian: apt-get install nginx-light): no baseline");
      return Optional.empty();
    }
    Path home = bench.fresh("nginx");
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    Path configuration = home.resolve("nginx.conf");
    Files.writeString(configuration, configuration(home, files, port, tls));
    ChildProcess process =
        bench
            .children()
            .start(
                "nginx",
                List.of(program.get().toString(), "-c", configuration.toString(), "-p", home + "/"),
                Map.of());
    Nginx nginx = new Nginx(process, new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    nginx.awaitReady();
    return Optional.of(nginx);
  }

  /** Where it listens. */
  public InetSocketAddress address() {
    return address;
  }

  // Its best form for this work: no access log, descriptors kept, connections never closed.
  private static String configuration(Path home, Path files, int port, String tls) {
    return """
    daemon off;
    worker_processes 2;
    pid %1$s/nginx.pid;
    error_log %1$s/error.log;
    user root;
    events { worker_connections 512; }
    http {
      access_log off;
      sendfile on;
      sendfile_max_chunk 0;
      tcp_nopush on;
      tcp_nodelay on;
      keepalive_requests 1000000000;
      open_file_cache max=20000 inactive=600s;
      open_file_cache_valid 600s;
      default_type application/octet-stream;
      client_body_temp_path %1$s/body;
      proxy_temp_path %1$s/proxy;
      fastcgi_temp_path %1$s/fastcgi;
      uwsgi_temp_path %1$s/uwsgi;
      scgi_temp_path %1$s/scgi;
      server {
        listen 127.0.0.1:%2$d%4$s;
        %5$s
        root %3$s;
      }
    }
    """
        .formatted(home, port, files, tls.isEmpty() ? "" : " ssl", tls)
        .replace(
            "user root;\n", System.getProperty("user.name").equals("root") ? "user root;\n" : "");
  }

  private void awaitReady() throws IOException {
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (true) {
      try (Socket probe = new Socket()) {
        probe.connect(address);
        return;
      } catch (IOException e) {
        if (!process.isAlive() || System.nanoTime() > deadline) {
          throw new IOException("nginx did not start; see " + process.log(), e);
        }
        LockSupport.parkNanos(20_000_000);
      }
    }
  }

  @Override
  public void close() {
    process.close();
  }
}
