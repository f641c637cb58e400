package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The rules of the source text, of every module of the repository. */
class SourceRulesTest {
  private static final int MAX_LINES = 600;
  private static final Path ROOT = findRoot();
  private static final List<Source> SOURCES = readSources();

  // The patterns are put together from pieces, or this file would break its own rules.
  private static final Pattern DISABLED = Pattern.compile("(@|\\.api\\.)" + "Disabled\\b");
  private static final Pattern SLEEP =
      Pattern.compile("\\bThread\\s*\\.\\s*" + "sleep\\b|\\bTimeUnit\\b.*\\.\\s*sleep\\s*\\(");
  private static final Pattern STANDARD_OUTPUT = Pattern.compile("\\bSystem\\s*\\.\\s*" + "out\\b");
  private static final Pattern OTHER_JUNIT =
      Pattern.compile("^import\\s+(static\\s+)?(org\\.junit\\.(?!jupiter\\.)|junit\\.)");
  private static final Pattern NULL_MARKED = Pattern.compile("^@(\\S+\\.)?NullMarked\\b");

  @Test
  void sourcesAreFound() {
    assertFalse(SOURCES.isEmpty(), "no Java source under " + ROOT);
  }

  @Test
  void noFileIsTooLong() {
    List<String> offenders =
        SOURCES.stream()
            .filter(source -> source.lines().size() > MAX_LINES)
            .map(source -> source.path() + ": " + source.lines().size() + " lines")
            .toList();
    assertNone(offenders, "a file of more than " + MAX_LINES + " lines does more than one thing");
  }

  @Test
  void noTestIsDisabled() {
    assertNone(find(DISABLED, source -> true), "a test that never runs proves nothing");
  }

  @Test
  void noTestSleeps() {
    assertNone(
        find(SLEEP, Source::isTest), "a test waits for what it expects, not for time to pass");
  }

  @Test
  void onlyCommandsWriteToStandardOutput() {
    assertNone(
        find(
            STANDARD_OUTPUT,
            source ->
                !source.isTest()
                    && !source.isIn("dev/larder/cli")
                    && !source.isIn("dev/larder/examples")
                    && !source.isIn("dev/larder/perf")),
        "standard output belongs to the results of commands; everything else logs");
  }

  @Test
  void testsUseOnlyJupiter() {
    assertNone(
        find(OTHER_JUNIT, source -> true), "one test framework: import org.junit.jupiter only");
  }

  @Test
  void everyPackageIsNullMarked() {
    Set<Path> packages = new TreeSet<>();
    Set<Path> marked = new TreeSet<>();
    for (Source source : SOURCES) {
      if (source.isTest()) {
        continue;
      }
      packages.add(source.directory());
      if (source.path().endsWith("package-info.java")
          && source.lines().stream().anyMatch(line -> NULL_MARKED.matcher(line).find())) {
        marked.add(source.directory());
      }
    }
    packages.removeAll(marked);
    assertNone(
        packages.stream().map(Path::toString).toList(),
        "NullAway reads only packages whose package-info.java says @NullMarked");
  }

  private static List<String> find(Pattern pattern, Predicate<Source> scope) {
    List<String> found = new ArrayList<>();
    for (Source source : SOURCES) {
      if (!scope.test(source)) {
        continue;
      }
      for (int i = 0; i < source.lines().size(); i++) {
        String line = source.lines().get(i).strip();
        boolean comment = line.startsWith("//") || line.startsWith("*") || line.startsWith("/*");
        if (!comment && pattern.matcher(line).find()) {
          found.add(source.path() + ":" + (i + 1) + ": " + line);
        }
      }
    }
    return found;
  }

  private static void assertNone(List<String> offenders, String reason) {
    assertEquals(List.of(), offenders, () -> reason + "\n" + String.join("\n", offenders) + "\n");
  }

  private static Path findRoot() {
    Path start = Path.of("").toAbsolutePath();
    for (Path path = start; path != null; path = path.getParent()) {
      if (Files.isDirectory(path.resolve(".mvn"))) {
        return path;
      }
    }
    throw new IllegalStateException("no directory .mvn above " + start);
  }

  private static List<Source> readSources() {
    List<Source> sources = new ArrayList<>();
    try {
      Files.walkFileTree(
          ROOT,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path dir, BasicFileAttributes attributes) {
              String name = String.valueOf(dir.getFileName());
              boolean skip = !dir.equals(ROOT) && (name.equals("target") || name.startsWith("."));
              return skip ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              String path = ROOT.relativize(file).toString();
              if (path.endsWith(".java") && path.contains("/src/")) {
                sources.add(new Source(ROOT.relativize(file), Files.readAllLines(file)));
              }
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      throw new IllegalStateException("cannot read the sources under " + ROOT, e);
    }
    return List.copyOf(sources);
  }

  private record Source(Path path, List<String> lines) {
    boolean isTest() {
      return path.toString().contains("/src/test/");
    }

    boolean isIn(String directory) {
      return path.toString().contains("/java/" + directory + "/");
    }

    Path directory() {
      Path parent = path.getParent();
      if (parent == null) {
        throw new IllegalStateException("a source file lies in a directory: " + path);
      }
      return parent;
    }
  }
}
