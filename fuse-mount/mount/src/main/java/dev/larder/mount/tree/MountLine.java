package dev.larder.mount.tree;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The top mount of a directory, from Linux' /proc/self/mountinfo.
 *
 * @param connection the minor number of its device: for FUSE, its connection's
 * @param type of file system, such as {@code fuse.larder}
 * @param source what was mounted
 */
record MountLine(int connection, String type, String source) {
  private static final Path TABLE = Path.of("/proc/self/mountinfo");

  /** Whether this system has the table. */
  static boolean hasTable() {
    return Files.exists(TABLE);
  }

  /** Empty where nothing is mounted, and on systems without the table. */
  static Optional<MountLine> at(Path target) throws IOException {
    if (!hasTable()) {
      return Optional.empty();
    }
    return find(Files.readAllLines(TABLE), target.toString());
  }

  static Optional<MountLine> find(List<String> table, String target) {
    Optional<MountLine> top = Optional.empty();
    for (String line : table) {
      String[] fields = line.split(" ");
      int dash = List.of(fields).indexOf("-");
      if (dash > 4 && fields.length > dash + 2 && unescaped(fields[4]).equals(target)) {
        int minor = Integer.parseInt(fields[2].substring(fields[2].indexOf(':') + 1));
        top = Optional.of(new MountLine(minor, fields[dash + 1], unescaped(fields[dash + 2])));
      }
    }
    return top;
  }

  /** Space, tab, newline and backslash stand as three octal digits. */
  private static String unescaped(String field) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < field.length(); i++) {
      if (field.charAt(i) == '\\' && i + 3 < field.length()) {
        out.append((char) Integer.parseInt(field.substring(i + 1, i + 4), 8));
        i += 3;
      } else {
        out.append(field.charAt(i));
      }
    }
    return out.toString();
  }
}
