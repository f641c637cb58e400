package dev.larder.testkit;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Azurite's blob service, a real server from npm, as a process of its own on loopback. The
 * environment variable LARDER_AZURITE names the executable azurite-blob, or a directory with
 * node_modules in it; {@code ./verify} sets it.
 */
public final class AzuriteServer implements AutoCloseable {
  /** The one account the server has. */
  public static final String ACCOUNT = "larder";

  /** Its key: a canary that must never stand in a log or message. */
  public static final String KEY = "Y2FuYXJ5LWF6dXJlLWtleS00NzExLWNhbmFyeQ==";

  /** What to tell people who lack it. */
  public static final String HOW_TO_GET =
      "LARDER_AZURITE does not name azurite-blob: run ./verify, or npm install azurite and set it";

  private static final Duration START_MAX = Duration.ofSeconds(90);
  private static final Pattern LISTENING =
      Pattern.compile("Blob service (?:is )?successfully listen(?:ing|s) (?:at|on) (http://\\S+)");

  private final Process process;
  private final URI endpoint;

  private AzuriteServer(Process process, URI endpoint) {
    this.process = process;
    this.endpoint = endpoint;
  }

  /** The executable, if there is one. */
  public static Optional<Path> executable() {
    String named = System.getenv("LARDER_AZURITE");
    if (named == null || named.isBlank()) {
      return Optional.empty();
    }
    Path path = Path.of(named);
    Path file = Files.isDirectory(path) ? path.resolve("node_modules/.bin/azurite-blob") : path;
    return Files.isExecutable(file) ? Optional.of(file) : Optional.empty();
  }

  /** Starts a server that keeps its data below a directory; returns when it answers. */
  public static AzuriteServer start(Path work) throws IOException {
    Path executable = executable().orElseThrow(() -> new IOException(HOW_TO_GET));
    Files.createDirectories(work);
    Path log = work.resolve("azurite.log");
    ProcessBuilder builder =
        new ProcessBuilder(
            executable.toString(),
            "--location",
            work.resolve("data").toString(),
            "--blobHost",
            "127.0.0.1",
            "--blobPort",
            "0",
            "--skipApiVersionCheck",
            "--disableTelemetry");
    builder.environment().put("AZURITE_ACCOUNTS", ACCOUNT + ":" + KEY);
    Process process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    URI endpoint =
        Children.await(
            process,
            log,
            START_MAX,
            () -> {
              Matcher line = LISTENING.matcher(Files.readString(log));
              return line.find() ? URI.create(line.group(1)) : null;
            });
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    return new AzuriteServer(process, endpoint);
  }

  /** {@code http://127.0.0.1:PORT/ACCOUNT}. */
  public URI endpoint() {
    return URI.create(endpoint.toString().replaceAll("/$", "") + "/" + ACCOUNT);
  }

  /** Ends the server. Idempotent. */
  @Override
  public void close() {
    Children.stop(process);
  }
}
