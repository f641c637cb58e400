package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A program that opens, lists, reads, maps and compares the files of a mount until it is stopped,
 * under strace(1): every system call it makes of the mount, what it came to and how long it took.
 * One thread.
 */
final class TracedReader implements AutoCloseable {
  private static final int COMPILE_SECONDS = 120;
  private static final int END_SECONDS = 60;

  /** What the program asks for at its end. */
  private static final String NOT_THERE = "no-such-file";

  private static final Pattern CALL =
      Pattern.compile("^(\\w+)\\(.*\\) += (-?[0-9a-fx?]+)(<.*>)?( .*)? <([0-9.]+)>$");

  private final Path target;
  private final Path stop;
  private final Path trace;
  private final Path words;
  private final Process process;

  /** What was asked of the mount. */
  record Calls(long opens, long reads, double longestSeconds, List<String> errors) {}

  private TracedReader(Path target, Path stop, Path trace, Path words, Process process) {
    this.target = target;
    this.stop = stop;
    this.trace = trace;
    this.words = words;
    this.process = process;
  }

  /** Compiles the program into a folder. */
  static Path compile(Path folder) throws IOException, InterruptedException {
    Path source = folder.resolve("reader.c");
    try (InputStream text = TracedReader.class.getResourceAsStream("reader.c")) {
      assertNotNull(text, "reader.c");
      Files.copy(text, source);
    }
    Path program = folder.resolve("reader");
    Process compiler =
        new ProcessBuilder("gcc", "-O1", "-o", program.toString(), source.toString())
            .inheritIO()
            .start();
    assertTrue(compiler.waitFor(COMPILE_SECONDS, TimeUnit.SECONDS), "gcc does not end");
    assertEquals(0, compiler.exitValue(), "gcc");
    return program;
  }

  /**
   * Starts one.
   *
   * @param program what {@link #compile} made
   * @param folder for its files
   * @param source where the same files are, to compare with
   * @param paths what to read; the first one is held open and mapped
   */
  static TracedReader start(
      Path program, Path folder, int number, Path target, Path source, List<String> paths)
      throws IOException {
    Path stop = folder.resolve("stop-" + number);
    Path trace = folder.resolve("trace-" + number);
    Path words = folder.resolve("words-" + number);
    List<String> command =
        new ArrayList<>(
            List.of("strace", "-y", "-T", "-qq", "-s", "0", "-e", "trace=%file,%desc", "-e"));
    command.addAll(List.of("signal=all", "-o", trace.toString()));
    command.addAll(List.of(program.toString(), stop.toString(), target.toString()));
    command.addAll(List.of(source.toString(), Integer.toString(number)));
    command.addAll(paths);
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(words.toFile())
            .start();
    return new TracedReader(target, stop, trace, words, process);
  }

  /** Has it end, which has to be a good one; answers what it asked of the mount. */
  Calls stop() throws IOException, InterruptedException {
    Files.writeString(stop, "");
    assertTrue(process.waitFor(END_SECONDS, TimeUnit.SECONDS), "a traced reader hangs");
    assertEquals(0, process.exitValue(), Files.readString(words));
    return calls(Files.readAllLines(trace, StandardCharsets.UTF_8));
  }

  private Calls calls(List<String> lines) {
    long opens = 0;
    long reads = 0;
    double longest = 0;
    List<String> errors = new ArrayList<>();
    boolean isErrorSeen = false;
    for (String line : lines) {
      if (line.startsWith("---") || line.startsWith("+++")) {
        errors.add(line);
      } else if (line.contains(target.toString())) {
        Matcher call = CALL.matcher(line);
        assertTrue(call.matches(), "a line of strace is not understood: " + line);
        boolean isError = !Character.isDigit(call.group(2).charAt(0));
        if (isError && line.contains(NOT_THERE)) {
          isErrorSeen = true;
        } else if (isError) {
          errors.add(line);
        }
        opens += call.group(1).equals("openat") ? 1 : 0;
        reads += call.group(1).matches("read|pread64") ? 1 : 0;
        longest = Math.max(longest, Double.parseDouble(call.group(5)));
      }
    }
    assertTrue(isErrorSeen, "an error would not be seen: " + lines.getLast());
    return new Calls(opens, reads, longest, errors);
  }

  @Override
  public void close() throws InterruptedException {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly().waitFor();
  }
}
