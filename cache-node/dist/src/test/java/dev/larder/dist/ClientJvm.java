package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Programs of the Java client's users: JVMs of their own that find the agent by its ready file. */
final class ClientJvm {
  private static final int SECONDS_MAX = 120;

  private final Path java;
  private final List<Path> classPath;
  private final Path readyFile;

  ClientJvm(Path java, List<Path> classPath, Path readyFile) {
    this.java = java;
    this.classPath = classPath;
    this.readyFile = readyFile;
  }

  /** The Java these tests run on. */
  static Path ownJava() {
    return Path.of(System.getProperty("java.home"), "bin", "java");
  }

  /** The one jar with everything in it, as the build before this module's made it. */
  static Path clientJar() throws IOException {
    Path directory = Path.of("../../clients/java/target");
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .filter(file -> file.getFileName().toString().endsWith("-all.jar"))
          .findFirst()
          .orElseThrow(() -> new AssertionError("no jar in " + directory + "; run mvn package"));
    }
  }

  /** Runs to the end, which must be a good one, and returns what was printed. */
  String run(String... words) throws Exception {
    Path output = Files.createTempFile("client", ".out");
    try {
      Process process = start(output, words);
      boolean ended = process.waitFor(SECONDS_MAX, TimeUnit.SECONDS);
      process.destroyForcibly().waitFor();
      String printed = Files.readString(output);
      assertTrue(ended, () -> "still running: " + printed);
      assertEquals(0, process.exitValue(), printed);
      return printed;
    } finally {
      Files.delete(output);
    }
  }

  /** Starts and returns at once; the caller ends it. */
  Process start(Path output, String... words) throws IOException {
    List<String> command = new ArrayList<>(List.of(java.toString(), "-ea", "-Xmx128m"));
    command.add("-cp");
    command.add(String.join(":", classPath.stream().map(Path::toString).toList()));
    command.addAll(List.of(words));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("LARDER_AGENT", readyFile.toString());
    builder.environment().put("LC_ALL", "C.UTF-8");
    builder.environment().remove("JAVA_TOOL_OPTIONS");
    builder.environment().remove("CLASSPATH");
    return builder.redirectErrorStream(true).redirectOutput(output.toFile()).start();
  }
}
