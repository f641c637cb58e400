package dev.larder.perf.origin;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * One line a request, tab separated: method, path, status, first byte, bytes sent. Written when the
 * answer was sent; one that was cut counts what left the server. Any thread.
 */
public final class AccessLog implements AutoCloseable {
  private final BufferedWriter out;

  AccessLog(Path file) throws IOException {
    out = Files.newBufferedWriter(file);
  }

  synchronized void add(String method, String path, int status, long offset, long bytes)
      throws IOException {
    out.write(method + '\t' + path + '\t' + status + '\t' + offset + '\t' + bytes + '\n');
    // The harness reads the file while the server runs.
    out.flush();
  }

  /** A line. */
  public record Entry(String method, String path, int status, long offset, long bytes) {}

  /** Reads a log. */
  public static List<Entry> read(Path file) throws IOException {
    return Files.readAllLines(file).stream()
        .map(line -> line.split("\t", -1))
        .map(field ->
            new Entry(
                field[0],
                field[1],
                Integer.parseInt(field[2]),
                Long.parseLong(field[3]),
                Long.parseLong(field[4])))
        .toList();
  }

  @Override
  public synchronized void close() throws IOException {
    out.close();
  }
}
