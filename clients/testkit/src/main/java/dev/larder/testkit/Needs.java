package dev.larder.testkit;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/** What a test needs of the machine: it fails in CI without it, and is left out elsewhere. */
public final class Needs {
  private Needs() {}

  /** Root, for mounts. */
  public static void root() {
    that("root".equals(System.getProperty("user.name")), "mounting needs root");
  }

  /** A program on the path. */
  public static void program(String name, String hint) {
    boolean found =
        Stream.of(System.getenv("PATH").split(":"))
            .anyMatch(directory -> Files.isExecutable(Path.of(directory, name)));
    that(found, name + " is not installed; " + hint);
  }

  /** Anything else. */
  public static void that(boolean holds, String message) {
    if (!holds && "true".equals(System.getenv("CI"))) {
      Assertions.fail(message);
    }
    Assumptions.assumeTrue(holds, message);
  }
}
