package dev.larder.cli;

import java.io.PrintWriter;
import java.util.function.Supplier;

/**
 * Says what Ctrl-C (or SIGTERM) leaves behind, while long work runs. Closing it means that the work
 * came to its end.
 */
final class IfInterrupted implements AutoCloseable {
  private final Thread hook;

  /**
   * Says {@code words} when the process is told to end.
   *
   * @param line cleared first; may go on being used
   */
  IfInterrupted(ProgressLine line, PrintWriter err, Supplier<String> words) {
    hook =
        new Thread(() -> {
          line.close();
          err.println(words.get());
          err.flush();
        });
    Runtime.getRuntime().addShutdownHook(hook);
  }

  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is ending already, so the words are being said.
      return;
    }
  }
}
