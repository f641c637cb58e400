package dev.larder.perf;

import dev.larder.perf.process.Children;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What measures share: where to put files, whom to tell, which processes to end.
 *
 * @param root the checkout
 * @param work directory for data and logs; on the disk that is to be measured
 * @param longForm whether {@code --long} was given
 * @param children processes started; ended when the harness ends, however it does
 * @param people where lines for people go
 */
public record Bench(Path root, Path work, boolean longForm, Children children, PrintStream people) {

  /** Tells people something. */
  public void say(String line) {
    people.println(line);
  }

  /** An empty directory below the work directory; what was there is deleted. */
  public Path fresh(String name) throws IOException {
    Path directory = work.resolve(name);
    delete(directory);
    return Files.createDirectories(directory);
  }

  /** Deletes a directory and what is in it, if it is there. */
  public static void delete(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    try (Stream<Path> paths = Files.walk(directory)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  /** A program of this machine, looked for in PATH and in sbin. */
  public static Optional<Path> program(String name) {
    String path = System.getenv().getOrDefault("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin";
    return Stream.of(path.split(":", -1))
        .filter(directory -> !directory.isEmpty())
        .map(directory -> Path.of(directory, name))
        .filter(Files::isExecutable)
        .findFirst();
  }
}
