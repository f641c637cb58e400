package dev.larder.containers;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Programs of this machine, run to their end. */
final class Commands {
  private Commands() {}

  /** What a program printed; fails where it does. */
  static String run(String... command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String out =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (process.waitFor() != 0) {
        throw new AssertionError(List.of(command) + " failed: " + out);
      }
      return out;
    } catch (IOException e) {
      throw new AssertionError(List.of(command) + " cannot be run", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted in " + List.of(command), e);
    }
  }
}
