package dev.larder.erofs;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** What find says of a mounted tree; shares no code with the reader under test. */
final class KernelFacts {
  private KernelFacts() {}

  /** What stat and readlink say of one path; a directory's size is its own affair. */
  record Fact(
      char type, String mode, long links, long size, String time, long uid, long gid, String to) {}

  static Map<String, Fact> of(Path root) throws Exception {
    Map<String, Fact> facts = new TreeMap<>();
    find(root, "%y\\001%m\\001%n\\001%s\\001%T@\\001%U\\001%G\\001%l")
        .forEach((path, row) -> {
          String[] f = row.split("\1", -1);
          boolean directory = f[0].equals("d");
          facts.put(
              path,
              new Fact(
                  f[0].charAt(0),
                  f[1],
                  Long.parseLong(f[2]),
                  directory ? 0 : Long.parseLong(f[3]),
                  f[4].substring(0, f[4].indexOf('.') + 10),
                  Long.parseLong(f[5]),
                  Long.parseLong(f[6]),
                  f[7]));
        });
    return facts;
  }

  /** Inode numbers by path. */
  static Map<String, Long> inodes(Path root) throws Exception {
    Map<String, Long> inodes = new TreeMap<>();
    find(root, "%i").forEach((path, row) -> inodes.put(path, Long.parseLong(row)));
    return inodes;
  }

  /** The row that find prints of each path in this format; the root's path is empty. */
  private static Map<String, String> find(Path root, String format) throws Exception {
    Path out = Files.createTempFile("find", ".out");
    try {
      int status =
          new ProcessBuilder("find", root.toString(), "-printf", "%P\\002" + format + "\\0")
              .redirectOutput(out.toFile())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start()
              .waitFor();
      assertEquals(0, status);
      byte[] said = Files.readAllBytes(out);
      Map<String, String> rows = new TreeMap<>();
      for (String row : Names.decode(said, 0, said.length).split("\0")) {
        int end = row.indexOf('\2');
        rows.put(row.substring(0, end), row.substring(end + 1));
      }
      return rows;
    } finally {
      Files.delete(out);
    }
  }
}
