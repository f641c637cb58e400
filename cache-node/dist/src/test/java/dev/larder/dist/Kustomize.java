package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.testkit.Needs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Renders the kustomizations of csi-driver/deploy, in a copy of that folder which a test may change
 * and put overlays beside. One thread.
 */
final class Kustomize {
  private static final int SECONDS_MAX = 60;

  private final Path program;
  private final Path work;

  private Kustomize(Path program, Path work) {
    this.program = program;
    this.work = work;
  }

  /** Over a copy that is made in a folder; skipped, or in CI failed, where it is not installed. */
  static Kustomize over(Path deploy, Path work) throws IOException {
    Path program =
        Optional.ofNullable(System.getenv("LARDER_KUSTOMIZE"))
            .map(Path::of)
            .orElse(Path.of(String.valueOf(System.getenv("LARDER_TOOLS")), "kustomize/kustomize"));
    Needs.that(Files.isExecutable(program), "kustomize is not installed; ./verify installs it");
    Kustomize kustomize = new Kustomize(program, work);
    kustomize.restore(deploy);
    return kustomize;
  }

  /** Has the copy be as the folder is. */
  void restore(Path deploy) {
    try (Stream<Path> tree = Files.walk(deploy)) {
      for (Path each : tree.toList()) {
        Path target = copy().resolve(deploy.relativize(each).toString());
        if (Files.isDirectory(each)) {
          Files.createDirectories(target);
        } else {
          Files.write(target, Files.readAllBytes(each));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The copy. */
  Path copy() {
    return work.resolve("deploy");
  }

  /** Writes an overlay beside the copy, which it finds at {@code ../deploy}; answers its folder. */
  Path overlay(String name, String kustomization) throws IOException {
    Path folder = Files.createDirectories(work.resolve(name));
    Files.writeString(folder.resolve("kustomization.yaml"), kustomization);
    return folder;
  }

  /** What it makes of a folder; that it can is asserted. */
  String render(Path folder) {
    try {
      Path output = work.resolve("rendered.yaml");
      Path errors = work.resolve("errors");
      Process process =
          new ProcessBuilder(List.of(program.toString(), "build", folder.toString()))
              .redirectOutput(output.toFile())
              .redirectError(errors.toFile())
              .start();
      boolean isOver = process.waitFor(SECONDS_MAX, TimeUnit.SECONDS);
      process.destroyForcibly().waitFor();
      String said = Files.readString(errors);
      assertTrue(isOver && process.exitValue() == 0, folder + ": " + said);
      // Of what is deprecated for example; it has to be mended before it is taken away.
      assertTrue(said.isEmpty(), folder + ": " + said);
      return Files.readString(output);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }
}
