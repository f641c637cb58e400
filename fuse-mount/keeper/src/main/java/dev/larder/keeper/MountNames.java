package dev.larder.keeper;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Which mount a user means: mounts are known by names without links, users name them as they like.
 * Any thread.
 */
public final class MountNames {
  private MountNames() {}

  /**
   * The known name of a directory. What stands at it is looked at last, as the file system that is
   * mounted there may not answer.
   *
   * @return empty when it is known by no name
   */
  public static Optional<Path> find(Path directory, Predicate<Path> isKnown) {
    Path plain = directory.toAbsolutePath().normalize();
    if (isKnown.test(plain)) {
      return Optional.of(plain);
    }
    Path parent = directory.toAbsolutePath().getParent();
    Path name = directory.getFileName();
    if (parent == null || name == null) {
      return Optional.empty();
    }
    return real(parent)
        .map(real -> real.resolve(name).normalize())
        .filter(isKnown)
        .or(() -> real(directory).filter(isKnown));
  }

  private static Optional<Path> real(Path path) {
    try {
      return Optional.of(path.toRealPath());
    } catch (IOException e) {
      // It does not exist, or is past being looked at: then nothing is known by it.
      return Optional.empty();
    }
  }
}
