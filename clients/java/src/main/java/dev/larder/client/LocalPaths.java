package dev.larder.client;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Files;
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
    requireNoLinks(target, place, path);
    return place;
  }

  /** A folder that is a link, made by an earlier download for example, leads out of the target. */
  private static void requireNoLinks(Path target, Path place, String path) {
    for (Path folder = parent(place);
        folder.startsWith(target.toAbsolutePath()) && !folder.equals(target.toAbsolutePath());
        folder = parent(folder)) {
      if (Files.isSymbolicLink(folder)) {
        throw new LarderException(
            ErrorCode.BAD_REQUEST,
            "\""
                + path
                + "\" would be written through the link "
                + folder
                + "; take it away first");
      }
    }
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
