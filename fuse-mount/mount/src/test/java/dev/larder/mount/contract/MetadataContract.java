package dev.larder.mount.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.erofs.CatalogEntry;
import dev.larder.erofs.EntryType;
import dev.larder.erofs.Names;
import dev.larder.mount.contract.Syscalls.Answer;
import dev.larder.mount.contract.Syscalls.Descriptor;
import dev.larder.mount.contract.Syscalls.Text;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** stat, statfs and extended attributes. */
interface MetadataContract extends ContractSupport {
  /** Makes a second mount of the same tree. */
  Mounted mountAgain() throws Exception;

  private static Text text(Path root, String path) {
    return new Text(Names.encode(path.isEmpty() ? root.toString() : root + "/" + path));
  }

  @Test
  default void statShowsTheListing() {
    Map<String, Long> inodes = new HashMap<>();
    String device = done("stat", root()).fields().get(13);
    for (CatalogEntry entry : tree().listing()) {
      Answer stat = done("lstat", text(root(), entry.path()));
      String path = entry.path();
      long mode = Long.parseLong(stat.fields().get(1), 8);
      switch (entry.type()) {
        case FILE -> {
          assertEquals(0100000 | entry.mode().orElse(0444), mode, path);
          assertEquals(1, stat.field(2), path);
          assertEquals(entry.sizeBytes(), stat.field(5), path);
        }
        case DIRECTORY -> assertEquals(0040000 | entry.mode().orElse(0555), mode, path);
        case SYMLINK -> {
          assertEquals(0120777, mode, path);
          assertEquals(1, stat.field(2), path);
          assertEquals(entry.linkTarget().length(), stat.field(5), path);
        }
        case OTHER -> throw new AssertionError(path);
      }
      assertEquals(entry.uid().orElse(0), stat.field(3), path);
      assertEquals(entry.gid().orElse(0), stat.field(4), path);
      // Modification, access and change: the origin knows only the first.
      for (int field = 6; field < 12; field += 2) {
        assertEquals(entry.mtime().getEpochSecond(), stat.field(field), path);
        assertEquals(entry.mtime().getNano(), stat.field(field + 1), path);
      }
      assertEquals(device, stat.fields().get(13), path);
      assertTrue(inodes.put(path, stat.field(0)) == null, path);
    }
    assertEquals(inodes.size(), new TreeSet<>(inodes.values()).size(), "numbers are not unique");
  }

  @Test
  default void countsTheLinksOfDirectories() {
    assertEquals(2, done("stat", at("empty")).field(2));
    assertEquals(3, done("stat", at("owned")).field(2));
    assertEquals(2 + ContractTree.NAMES.size(), done("stat", at("names-of-directories")).field(2));
  }

  @Test
  default void fstatSaysWhatStatSays() {
    for (String path : new String[] {"sizes/4097", "sizes", "large"}) {
      try (Descriptor file = sys().open(at(path), "O_RDONLY")) {
        assertEquals(done("stat", at(path)), done("fstat", file), path);
      }
    }
  }

  /** Two mounts of one snapshot, as after a restart or on another node. */
  @Test
  default void inodeNumbersStay() throws Exception {
    try (Mounted other = mountAgain()) {
      assertNotEquals(root(), other.at());
      for (CatalogEntry entry : tree().listing()) {
        if (entry.type() == EntryType.FILE && entry.path().startsWith("many/")) {
          continue;
        }
        Answer here = done("lstat", text(root(), entry.path()));
        Answer there = done("lstat", text(other.at(), entry.path()));
        assertEquals(here.field(0), there.field(0), entry.path());
      }
      assertEquals(done("stat", root()).field(0), done("stat", other.at()).field(0));
    }
  }

  @Test
  default void statfsShowsAFullReadOnlyDisk() {
    for (Path path : new Path[] {root(), at("sizes/1")}) {
      Answer space = done("statvfs", path);
      assertTrue(space.field(0) >= 512, space.toString());
      assertTrue(space.field(2) > 0, space.toString());
      assertEquals(0, space.field(3), "free");
      assertEquals(0, space.field(4), "available");
      // EROFS says 2^64-1 inodes and takes off those in use.
      long used =
          Long.parseUnsignedLong(space.fields().get(5))
              - Long.parseUnsignedLong(space.fields().get(6));
      assertTrue(used > tree().listing().size(), space.toString());
      long flags = space.field(7);
      for (String flag : new String[] {"ST_RDONLY", "ST_NOSUID", "ST_NODEV"}) {
        assertNotEquals(0, flags & sys().constant(flag), flag);
      }
      assertEquals(255, space.field(8), "longest name");
    }
  }

  @Test
  default void listsAttributes() {
    assertEquals(
        new TreeSet<>(
            java.util.List.of(
                "user.big",
                "user.empty",
                "user.larder.origin",
                "user.larder.version",
                "user.zeros")),
        userAttributes(at("attributes/file")));
    assertEquals(new TreeSet<>(java.util.List.of("user.note")), userAttributes(at("attributes")));
    assertEquals(new TreeSet<>(), userAttributes(at("empty")));
    // What is asked for beforehand may be more than comes: attributes that are hidden count too.
    long room = done("listxattr", at("attributes/file"), 0).value();
    assertTrue(room >= done("listxattr", at("attributes/file"), room).value());
    refused("ERANGE", "listxattr", at("attributes/file"), 5);
  }

  private TreeSet<String> userAttributes(Path path) {
    byte[] names = done("listxattr", path, 60_000).bytes();
    TreeSet<String> out = new TreeSet<>();
    for (String name : new String(names, StandardCharsets.UTF_8).split("\0")) {
      assertFalse(name.startsWith("trusted.overlay."), name);
      if (name.startsWith("user.")) {
        out.add(name);
      }
    }
    return out;
  }

  @Test
  default void readsAttributes() {
    Path file = at("attributes/file");
    for (CatalogEntry entry : tree().listing()) {
      if (entry.path().equals("attributes/file")) {
        entry
            .userXattrs()
            .forEach((name, value) -> {
              assertArrayEquals(value, done("getxattr", file, Text.of(name), 60_000).bytes(), name);
              assertEquals(value.length, done("getxattr", file, Text.of(name), 0).value(), name);
            });
      }
    }
    assertArrayEquals(
        new byte[] {1, 2, 3}, done("getxattr", at("attributes"), Text.of("user.note"), 9).bytes());
    assertArrayEquals(
        "v-700".getBytes(StandardCharsets.UTF_8),
        done("getxattr", file, Text.of("user.larder.version"), 100).bytes());
    refused("ERANGE", "getxattr", file, Text.of("user.zeros"), 2);
    refused("ENODATA", "getxattr", file, Text.of("user.none"), 100);
    refused("ENODATA", "getxattr", at("sizes/1"), Text.of("user.empty"), 100);
    refused("ENODATA", "getxattr", file, Text.of("security.selinux"), 100);
    refused("ERANGE", "getxattr", file, Text.of("user." + "n".repeat(251)), 100);
    try (Descriptor open = sys().open(file, "O_RDONLY")) {
      assertArrayEquals(new byte[3], done("fgetxattr", open, Text.of("user.zeros"), 100).bytes());
    }
  }

  /** Where the bytes are is Larder's own affair. */
  @Test
  default void hidesItsOwnAttributes() {
    for (String name : new String[] {"trusted.overlay.redirect", "trusted.overlay.metacopy"}) {
      Answer answer = sys().call("getxattr", at("sizes/4097"), Text.of(name), 1000);
      assertFalse(answer.isOk(), name);
    }
  }
}
