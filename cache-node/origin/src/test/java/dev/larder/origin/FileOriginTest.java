package dev.larder.origin;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class FileOriginTest extends OriginContract {
  @Override
  Fixture fixture() throws Exception {
    return new Directory(Files.createDirectories(temp.resolve("root")));
  }

  @Override
  List<String> extraNames() {
    return List.of("new\nline", "back\\slash", "tab\tbed", "trailing ", "...");
  }

  private record Directory(Path root) implements Fixture {
    @Override
    public void put(String path, byte[] content) throws Exception {
      Path file = root.resolve(path);
      Files.createDirectories(file.getParent());
      Path fresh = root.resolveSibling("fresh");
      Files.write(fresh, content);
      Files.move(fresh, file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void delete(String path) throws Exception {
      Files.delete(root.resolve(path));
    }

    @Override
    public Origin open(TestContext context) {
      return context.open(root.toString(), Map.of());
    }

    @Override
    public Origin openDenied(TestContext context) {
      return null;
    }

    @Override
    public void close() {}
  }

  @Test
  void linksInsideStayAndLinksOutsideAreSkipped() throws Exception {
    Path root = Files.createDirectories(temp.resolve("root/dir")).getParent();
    Path secret = Files.writeString(temp.resolve("secret"), "canary");
    Files.writeString(root.resolve("file"), "x");
    Files.createSymbolicLink(root.resolve("dir/up"), Path.of("../file"));
    Files.createSymbolicLink(root.resolve("absolute"), root.resolve("file"));
    Files.createSymbolicLink(root.resolve("dangling"), Path.of("nowhere"));
    Files.createSymbolicLink(root.resolve("out"), Path.of("../secret"));
    Files.createSymbolicLink(root.resolve("out-absolute"), secret);
    // Leaves and comes back: inside by its end, outside on the way.
    Files.createSymbolicLink(root.resolve("around"), Path.of("../root/file"));
    Files.createSymbolicLink(root.resolve("dir/top"), Path.of(".."));
    // Inside by its text, outside by what the link in it does.
    Files.createSymbolicLink(root.resolve("dir/sly"), Path.of("top/../secret"));
    try (Origin origin = new TestContext().open(root.toString(), Map.of())) {
      Listing listing = Listing.of(origin);
      assertEquals("../file", listing.get("dir/up").linkTarget().orElseThrow());
      assertEquals("file", listing.get("absolute").linkTarget().orElseThrow());
      assertEquals("nowhere", listing.get("dangling").linkTarget().orElseThrow());
      assertEquals("..", listing.get("dir/top").linkTarget().orElseThrow());
      assertEquals(
          java.util.Set.of("out", "out-absolute", "around", "dir/sly"), listing.skipped.keySet());
      assertEquals(OriginObject.Type.SYMLINK, listing.get("dir/up").type());
    }
  }

  @Test
  void aFileSwappedForALinkLeaksNothing() throws Exception {
    Path root = Files.createDirectories(temp.resolve("root/dir")).getParent();
    Path outside = Files.createDirectories(temp.resolve("outside"));
    Files.writeString(outside.resolve("x"), "canary");
    Files.writeString(root.resolve("dir/x"), "inside");
    FileTime time = Files.getLastModifiedTime(root.resolve("dir/x"));
    Files.setLastModifiedTime(outside.resolve("x"), time);
    try (Origin origin = new TestContext().open(root.toString(), Map.of())) {
      OriginObject object = Listing.of(origin).get("dir/x");
      Files.move(root.resolve("dir"), root.resolve("moved"));
      Files.createSymbolicLink(root.resolve("dir"), outside);
      Reads.fails(ErrorCode.ORIGIN_CHANGED, () -> Reads.all(origin, object));
      Files.delete(root.resolve("dir"));
      Files.createDirectory(root.resolve("dir"));
      Files.createSymbolicLink(root.resolve("dir/x"), outside.resolve("x"));
      Reads.fails(ErrorCode.ORIGIN_CHANGED, () -> Reads.all(origin, object));
    }
  }

  @Test
  void aFileRewrittenWhileItIsReadIsSeen() throws Exception {
    Path root = Files.createDirectories(temp.resolve("root"));
    Path file = Files.write(root.resolve("x"), new byte[100_000]);
    Files.setLastModifiedTime(file, FileTime.from(Instant.parse("2025-01-01T00:00:00.123456789Z")));
    try (Origin origin = new TestContext().open(root.toString(), Map.of())) {
      OriginObject object = Listing.of(origin).get("x");
      assertEquals("1735689600123456789", object.version());
      try (Origin.OriginRead read = origin.open(object, 0, 100_000)) {
        assertEquals(1000, read.read(ByteBuffer.allocate(1000)));
        Files.write(file, new byte[100_000]);
        Reads.fails(ErrorCode.ORIGIN_CHANGED, () -> read.read(ByteBuffer.allocate(1000)));
      }
    }
  }

  @Test
  void specialFilesAreSkippedAndNeverOpened() throws Exception {
    Path root = Files.createDirectories(temp.resolve("root"));
    Files.writeString(root.resolve("x"), "");
    assertEquals(
        0, new ProcessBuilder("mkfifo", root.resolve("pipe").toString()).start().waitFor());
    try (Origin origin = new TestContext().open(root.toString(), Map.of())) {
      Listing listing = Listing.of(origin);
      assertTrue(listing.skipped.get("pipe").contains("neither a file"));
      OriginObject x = listing.get("x");
      OriginObject pipe =
          new OriginObject(
              "pipe",
              x.type(),
              origin.uri() + "/pipe",
              x.version(),
              1,
              x.lastModified(),
              x.linkTarget(),
              x.contentKey());
      Reads.fails(ErrorCode.ORIGIN_CHANGED, () -> Reads.all(origin, pipe));
    }
  }

  @Test
  void directoriesStandInTheListing() throws Exception {
    Path root = Files.createDirectories(temp.resolve("root"));
    Files.createDirectories(root.resolve("empty/inner"));
    try (Origin origin = new TestContext().open("file:" + root, Map.of())) {
      Listing listing = Listing.of(origin);
      assertEquals(List.of("empty", "empty/inner"), List.copyOf(listing.objects.keySet()));
      assertEquals(OriginObject.Type.DIRECTORY, listing.get("empty/inner").type());
    }
  }

  @Test
  void theUriIsThatOfTheRealPath() throws Exception {
    Path root = Files.createDirectories(temp.resolve("a b%"));
    Path link = Files.createSymbolicLink(temp.resolve("link"), root);
    String expected = "file://" + temp.toRealPath() + "/a%20b%25";
    for (String uri :
        List.of(root.toString(), link.toString(), "file://" + temp + "/a%20b%25/", expected)) {
      try (Origin origin = new TestContext().open(uri, Map.of())) {
        assertEquals(expected, origin.uri());
      }
    }
  }

  @Test
  void readsAFileOfManyBlocks() throws Exception {
    Path root = Files.createDirectories(temp.resolve("root"));
    byte[] content = bytes(new java.util.Random(7), 5 << 20);
    Files.write(root.resolve("x"), content);
    TestContext context = new TestContext();
    try (Origin origin = context.open(root.toString(), Map.of())) {
      assertArrayEquals(content, Reads.all(origin, Listing.of(origin).get("x")));
      assertEquals(content.length, context.counts.bytes.get());
    }
  }
}
