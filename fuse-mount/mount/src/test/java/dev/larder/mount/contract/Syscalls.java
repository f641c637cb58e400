package dev.larder.mount.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Makes system calls in a C process of its own, for what Java cannot say or would blur, and returns
 * exactly what the kernel said. One thread.
 */
public final class Syscalls implements AutoCloseable {
  private final Path directory;
  private final Process process;
  private final OutputStream requests;
  private final BufferedReader answers;

  private Syscalls(Path directory, Process process) {
    this.directory = directory;
    this.process = process;
    this.requests = process.getOutputStream();
    this.answers =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII), 1 << 16);
  }

  /** Compiles the program and starts it. */
  public static Syscalls start() throws IOException, InterruptedException {
    Path directory = Files.createTempDirectory("syscalls");
    Path source = directory.resolve("syscalls.c");
    try (InputStream in = Syscalls.class.getResourceAsStream("syscalls.c")) {
      assertNotNull(in, "syscalls.c");
      Files.copy(in, source);
    }
    Path program = directory.resolve("syscalls");
    Process compiler =
        new ProcessBuilder("gcc", "-O1", "-o", program.toString(), source.toString())
            .inheritIO()
            .start();
    assertTrue(compiler.waitFor(120, TimeUnit.SECONDS), "gcc did not end");
    assertEquals(0, compiler.exitValue(), "gcc failed");
    Process process =
        new ProcessBuilder(program.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    return new Syscalls(directory, process);
  }

  /**
   * What a call came to.
   *
   * @param errno its name, empty on success
   * @param value the call's result
   * @param fields what follows
   */
  public record Answer(String errno, long value, List<String> fields) {
    public boolean isOk() {
      return errno.isEmpty();
    }

    /** The result of a call that must succeed. */
    public long ok() {
      assertEquals("", errno);
      return value;
    }

    public byte[] bytes() {
      ok();
      return HexFormat.of().parseHex(fields.getFirst().substring(1));
    }

    public long field(int index) {
      ok();
      return Long.parseLong(fields.get(index));
    }

    @Override
    public String toString() {
      return isOk() ? "ok " + value + " " + fields : errno;
    }
  }

  /** A string argument that is no name of a constant. */
  public record Text(byte[] bytes) {
    public static Text of(String text) {
      return new Text(text.getBytes(StandardCharsets.UTF_8));
    }
  }

  /**
   * Calls; numbers go as they are, strings are C's constants or commands, paths and texts bytes.
   */
  public Answer call(Object... words) {
    StringBuilder line = new StringBuilder();
    for (Object word : words) {
      line.append(line.isEmpty() ? "" : " ");
      switch (word) {
        case Path path -> line.append(hex(path.toString().getBytes(StandardCharsets.UTF_8)));
        case Text text -> line.append(hex(text.bytes()));
        default -> line.append(word);
      }
    }
    try {
      requests.write(line.append('\n').toString().getBytes(StandardCharsets.US_ASCII));
      requests.flush();
      String answer = answers.readLine();
      assertNotNull(answer, () -> "the program of system calls ended at: " + line);
      String[] parts = answer.split(" ");
      return parts[0].equals("!")
          ? new Answer(parts[1], -1, List.of())
          : new Answer("", Long.parseLong(parts[1]), List.of(parts).subList(2, parts.length));
    } catch (IOException e) {
      throw new AssertionError(line.toString(), e);
    }
  }

  private static String hex(byte[] bytes) {
    return "x" + HexFormat.of().formatHex(bytes);
  }

  public long constant(String name) {
    return call("constant", name).ok();
  }

  /** A descriptor, closed with it. */
  public final class Descriptor implements AutoCloseable {
    private final long number;

    Descriptor(long number) {
      this.number = number;
    }

    @Override
    public String toString() {
      return Long.toString(number);
    }

    @Override
    public void close() {
      call("close", number).ok();
    }
  }

  /** Opens what must open. */
  public Descriptor open(Path path, String flags) {
    Answer answer = call("open", path, flags);
    assertTrue(answer.isOk(), () -> path + " " + flags + ": " + answer);
    return new Descriptor(answer.value());
  }

  @Override
  public void close() throws IOException, InterruptedException {
    requests.close();
    if (!process.waitFor(10, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
    }
    try (var files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(directory);
  }
}
