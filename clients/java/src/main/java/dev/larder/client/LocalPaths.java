package dev.larder.client;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Where a dataset's paths go below a target directory; never outside of it. */
final class LocalPaths {
  private LocalPaths() {}

  /** The place of a path below the target; BAD_REQUEST if it would lie elsewhere. */
  static Path resolve(Path target, String path) {
    Path place = target;
    for (String component : path.split("/", -1)) {
      if (component.isEmpty()
          || component.equals(".")
          || component.equals("..")
          || component.indexOf('\0') >= 0) {
        throw bad(path, null);
      }
      try {
        place = place.resolve(component);
      } catch (InvalidPathException e) {
        throw bad(path, e);
      }
    }
    if (!place.normalize().startsWith(target.normalize())) {
      throw bad(path, null);
    }
    return place;
  }

  /** The folder a resolved place lies in; it always has one. */
  static Path parent(Path place) {
    Path parent = place.toAbsolutePath().getParent();
    return parent != null ? parent : place;
  }

  private static LarderException bad(String path, @Nullable Exception e) {
    return new LarderException(
        ErrorCode.BAD_REQUEST, "the path \"" + path + "\" cannot be a file on this host", e);
  }
}
