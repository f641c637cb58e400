package dev.larder.cli;

import dev.larder.protocol.DataSize;
import java.io.PrintWriter;
import java.util.Locale;

/**
 * A line on stderr that shows how far long work is: done, total, rate, time left. Drawn over itself
 * on a terminal; where stderr is no terminal only the closing line is printed.
 */
final class ProgressLine implements AutoCloseable {
  private static final int BAR_CELLS = 24;
  private static final long RATE_WINDOW_NANOS = 3_000_000_000L;

  private final PrintWriter err;
  private final String title;
  private final boolean terminal;
  private final boolean color;
  private final long startNanos = System.nanoTime();
  private long windowNanos = startNanos;
  private long windowBytes;
  private double rate;
  private int lastWidth;
  private long lastDone;

  ProgressLine(String title, PrintWriter err) {
    this(title, err, isTerminal(), System.getenv("NO_COLOR") == null);
  }

  ProgressLine(String title, PrintWriter err, boolean terminal, boolean color) {
    this.title = title;
    this.err = err;
    this.terminal = terminal;
    this.color = color;
  }

  /** Shows the state; total 0 means unknown. */
  synchronized void show(long doneBytes, long totalBytes, String note) {
    lastDone = doneBytes;
    if (!terminal) {
      return;
    }
    long now = System.nanoTime();
    if (now - windowNanos > RATE_WINDOW_NANOS / 3) {
      double fresh = (doneBytes - windowBytes) * 1e9 / (now - windowNanos);
      rate = rate == 0 ? fresh : rate * 0.6 + fresh * 0.4;
      windowNanos = now;
      windowBytes = doneBytes;
    }
    StringBuilder line = new StringBuilder(title);
    if (totalBytes > 0) {
      int cells = (int) Math.min(BAR_CELLS, doneBytes * BAR_CELLS / totalBytes);
      line.append(" [")
          .append("=".repeat(cells))
          .append(" ".repeat(BAR_CELLS - cells))
          .append("] ")
          .append(100 * doneBytes / totalBytes)
          .append("%");
    }
    line.append("  ").append(DataSize.human(doneBytes));
    if (totalBytes > 0) {
      line.append(" of ").append(DataSize.human(totalBytes));
    }
    if (rate > 0) {
      line.append("  ").append(DataSize.human((long) rate)).append("/s");
      if (totalBytes > doneBytes) {
        line.append("  ").append(time((long) ((totalBytes - doneBytes) / rate))).append(" left");
      }
    }
    line.append("  ").append(note);
    draw(line.toString());
  }

  /** Clears the line and prints what was done. */
  synchronized void finish(String outcome) {
    double seconds = (System.nanoTime() - startNanos) / 1e9;
    clear();
    err.printf(
        Locale.ROOT,
        "%s: %s in %.1f s (%s/s)%n",
        title,
        outcome,
        seconds,
        DataSize.human((long) (lastDone / Math.max(seconds, 1e-3))));
  }

  @Override
  public synchronized void close() {
    clear();
  }

  private void draw(String line) {
    String fit = line.length() > 118 ? line.substring(0, 118) : line;
    String pad = " ".repeat(Math.max(0, lastWidth - fit.length()));
    err.print("\r" + (color ? "\u001b[36m" + fit + "\u001b[0m" : fit) + pad);
    err.flush();
    lastWidth = fit.length();
  }

  private void clear() {
    if (lastWidth > 0) {
      err.print("\r" + " ".repeat(lastWidth) + "\r");
      err.flush();
      lastWidth = 0;
    }
  }

  private static boolean isTerminal() {
    java.io.Console console = System.console();
    return console != null && console.isTerminal();
  }

  /** Seconds as people say them. */
  static String time(long seconds) {
    return seconds < 60
        ? seconds + " s"
        : seconds < 3600
            ? "%d:%02d min".formatted(seconds / 60, seconds % 60)
            : "%d:%02d h".formatted(seconds / 3600, seconds / 60 % 60);
  }
}
