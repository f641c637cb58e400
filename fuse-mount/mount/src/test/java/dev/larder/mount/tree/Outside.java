package dev.larder.mount.tree;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program that uses a mount, and what it said. One thread. */
final class Outside {
  private static final long SECONDS_MAX = 60;

  private final List<String> command;
  private final Path output;
  private final Process process;

  private Outside(List<String> command, Path output, Process process) {
    this.command = command;
    this.output = output;
    this.process = process;
  }

  static Outside start(String... command) throws IOException {
    Path output = Files.createTempFile("outside", ".out");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    return new Outside(List.of(command), output, process);
  }

  /** A file's bytes as another process sees them. */
  static byte[] read(Path file) throws IOException, InterruptedException {
    Outside cat = start("cat", file.toString());
    byte[] bytes = cat.bytes();
    assertEquals(0, cat.process.exitValue(), () -> new String(bytes, StandardCharsets.UTF_8));
    return bytes;
  }

  static String sha256(byte[] bytes) throws NoSuchAlgorithmException {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  void kill() {
    process.destroyForcibly();
  }

  /** Waits for the end. */
  int status() throws IOException, InterruptedException {
    boolean ended = process.waitFor(SECONDS_MAX, TimeUnit.SECONDS);
    process.destroyForcibly();
    assertTrue(ended, () -> "no end: " + command);
    return process.exitValue();
  }

  String text() throws IOException, InterruptedException {
    return new String(bytes(), StandardCharsets.UTF_8);
  }

  private byte[] bytes() throws IOException, InterruptedException {
    status();
    byte[] bytes = Files.readAllBytes(output);
    Files.delete(output);
    return bytes;
  }
}
