package dev.larder.origin;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import dev.larder.testkit.Seeds;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What every origin promises, whatever stands behind it. */
abstract class OriginContract {
  static final List<String> ODD_NAMES =
      List.of(
          "plain.txt",
          "with space.txt",
          "deep/er/est/file",
          "100%.txt",
          "%41.txt",
          "a+b.txt",
          "a&b=c?d#e.txt",
          "\u00fcml\u00e4ut/\u65e5\u672c\u8a9e.bin",
          "\ud83e\udd80.bin",
          "semi;colon,comma'quote\"!*()[]{}.txt",
          "tilde~dash-dot.under_score");

  @TempDir Path temp;

  /** A dataset's origin and the means to change what is behind it. */
  interface Fixture extends AutoCloseable {
    void put(String path, byte[] content) throws Exception;

    void delete(String path) throws Exception;

    Origin open(TestContext context);

    /** Same place, credentials it does not take; null where there are none. */
    Origin openDenied(TestContext context);

    /** Makes many small objects, named as {@link #bulkName} says. */
    default void putMany(int count) throws Exception {
      for (int i = 0; i < count; i++) {
        put(bulkName(i), bulkName(i).getBytes(StandardCharsets.UTF_8));
      }
    }

    @Override
    void close() throws Exception;
  }

  abstract Fixture fixture() throws Exception;

  /** Names beyond the usual this origin can hold. */
  List<String> extraNames() {
    return List.of();
  }

  String rootOfObjects(Origin origin) {
    return origin.uri();
  }

  int bulk() {
    return 10_000;
  }

  static String bulkName(int i) {
    return "bulk/%02d/%05d.dat".formatted(i % 100, i);
  }

  static byte[] bytes(Random random, int size) {
    byte[] content = new byte[size];
    random.nextBytes(content);
    return content;
  }

  @Test
  void listsOddNamesAndReadsThemBack() throws Exception {
    try (Fixture fixture = fixture();
        Origin origin = fixture.open(new TestContext())) {
      Map<String, byte[]> expected = new TreeMap<>();
      for (List<String> names : List.of(ODD_NAMES, extraNames())) {
        for (String name : names) {
          expected.put(name, ("content of " + name).getBytes(StandardCharsets.UTF_8));
        }
      }
      for (Map.Entry<String, byte[]> entry : expected.entrySet()) {
        fixture.put(entry.getKey(), entry.getValue());
      }
      Listing listing = Listing.of(origin);
      listing.objects.values().removeIf(o -> o.type() == OriginObject.Type.DIRECTORY);
      assertEquals(Map.of(), listing.skipped);
      assertEquals(expected.keySet(), listing.objects.keySet());
      for (Map.Entry<String, byte[]> entry : expected.entrySet()) {
        OriginObject object = listing.get(entry.getKey());
        assertEquals(entry.getValue().length, object.sizeBytes(), entry.getKey());
        assertArrayEquals(entry.getValue(), Reads.all(origin, object), entry.getKey());
        assertTrue(object.uri().startsWith(rootOfObjects(origin) + "/"), object.uri());
      }
      assertEquals(
          expected.size(),
          listing.objects.values().stream().map(OriginObject::key).distinct().count());
    }
  }

  @Test
  void listsManyObjects() throws Exception {
    try (Fixture fixture = fixture();
        Origin origin = fixture.open(new TestContext())) {
      fixture.putMany(bulk());
      Listing listing = Listing.of(origin);
      listing.objects.values().removeIf(o -> o.type() == OriginObject.Type.DIRECTORY);
      assertEquals(bulk(), listing.objects.size());
      int last = bulk() - 1;
      assertEquals(
          bulkName(last),
          new String(Reads.all(origin, listing.get(bulkName(last))), StandardCharsets.UTF_8));
    }
  }

  @Test
  void readsAnyRangeIntoAnyBuffer() throws Exception {
    try (Fixture fixture = fixture();
        Origin origin = fixture.open(new TestContext())) {
      Seeds.run(random -> {
        byte[] content = bytes(random, 3_000_017);
        fixture.put("big.bin", content);
        OriginObject object = Listing.of(origin).get("big.bin");
        List<ByteBuffer> buffers =
            List.of(
                ByteBuffer.allocate(64 << 10),
                ByteBuffer.allocateDirect(64 << 10),
                ByteBuffer.allocate(100).slice(7, 50));
        for (int i = 0; i < 12; i++) {
          int offset = random.nextInt(content.length);
          int length = 1 + random.nextInt(Math.min(200_000, content.length - offset));
          try (Origin.OriginRead read = origin.open(object, offset, length)) {
            assertArrayEquals(
                Arrays.copyOfRange(content, offset, offset + length),
                Reads.drain(read, buffers.get(i % buffers.size())));
          }
        }
        assertArrayEquals(content, Reads.all(origin, object));
        assertArrayEquals(
            new byte[] {content[content.length - 1]},
            Reads.range(origin, object, content.length - 1, 1));
      });
    }
  }

  @Test
  void readsAnEmptyObject() throws Exception {
    try (Fixture fixture = fixture();
        Origin origin = fixture.open(new TestContext())) {
      fixture.put("empty", new byte[0]);
      OriginObject object = Listing.of(origin).get("empty");
      assertEquals(OriginObject.Type.FILE, object.type());
      assertEquals(0, Reads.all(origin, object).length);
    }
  }

  @Test
  void refusesRangesOutside() throws Exception {
    try (Fixture fixture = fixture();
        Origin origin = fixture.open(new TestContext())) {
      fixture.put("ten", new byte[10]);
      OriginObject object = Listing.of(origin).get("ten");
      Reads.fails(ErrorCode.BAD_RANGE, () -> origin.open(object, 5, 6).close());
      Reads.fails(ErrorCode.BAD_RANGE, () -> origin.open(object, -1, 2).close());
      Reads.fails(ErrorCode.BAD_RANGE, () -> origin.open(object, Long.MAX_VALUE, 1).close());
    }
  }

  @Test
  void neverMixesVersions() throws Exception {
    try (Fixture fixture = fixture();
        Origin origin = fixture.open(new TestContext())) {
      byte[] before = new byte[100_000];
      byte[] after = new byte[100_000];
      Arrays.fill(before, (byte) 1);
      Arrays.fill(after, (byte) 2);
      fixture.put("x", before);
      OriginObject listed = Listing.of(origin).get("x");
      assertArrayEquals(
          Arrays.copyOf(before, 10), Reads.range(origin, listed, 0, 10), "before the change");
      fixture.put("x", after);
      Reads.fails(ErrorCode.ORIGIN_CHANGED, () -> Reads.range(origin, listed, 50_000, 10));
      Reads.fails(ErrorCode.ORIGIN_CHANGED, () -> Reads.all(origin, listed));
      OriginObject fresh = Listing.of(origin).get("x");
      assertNotEquals(listed.key(), fresh.key());
      assertArrayEquals(after, Reads.all(origin, fresh));
    }
  }

  @Test
  void saysWhenAnObjectIsGone() throws Exception {
    try (Fixture fixture = fixture();
        Origin origin = fixture.open(new TestContext())) {
      fixture.put("x", new byte[100]);
      OriginObject listed = Listing.of(origin).get("x");
      fixture.delete("x");
      Reads.fails(ErrorCode.ORIGIN_GONE, () -> Reads.all(origin, listed));
    }
  }

  @Test
  void saysWhenCredentialsAreWrong() throws Exception {
    try (Fixture fixture = fixture();
        Origin origin = fixture.open(new TestContext())) {
      fixture.put("x", new byte[100]);
      OriginObject listed = Listing.of(origin).get("x");
      try (Origin denied = fixture.openDenied(new TestContext())) {
        if (denied == null) {
          return; // nobody is asked for credentials here
        }
        Reads.fails(ErrorCode.ORIGIN_DENIED, () -> Listing.of(denied));
        Reads.fails(ErrorCode.ORIGIN_DENIED, () -> Reads.all(denied, listed));
        Reads.fails(ErrorCode.ORIGIN_DENIED, () -> denied.checksum(listed));
      }
    }
  }

  @Test
  void refusesEverythingOnceClosed() throws Exception {
    try (Fixture fixture = fixture()) {
      fixture.put("x", new byte[100]);
      Origin origin = fixture.open(new TestContext());
      OriginObject listed = Listing.of(origin).get("x");
      Origin.OriginRead read = origin.open(listed, 0, 100);
      origin.close();
      origin.close();
      Reads.fails(ErrorCode.CLOSED, () -> read.read(ByteBuffer.allocate(10)));
      Reads.fails(ErrorCode.CLOSED, () -> Reads.all(origin, listed));
      Reads.fails(ErrorCode.CLOSED, () -> Listing.of(origin));
    }
  }

  @Test
  void anInterruptedCallerIsCancelled() throws Exception {
    try (Fixture fixture = fixture();
        Origin origin = fixture.open(new TestContext())) {
      fixture.put("x", new byte[100]);
      OriginObject listed = Listing.of(origin).get("x");
      Thread.currentThread().interrupt();
      try {
        Reads.fails(ErrorCode.CANCELLED, () -> Reads.all(origin, listed));
      } finally {
        assertTrue(Thread.interrupted(), "the interrupt must stay set");
      }
      assertEquals(100, Reads.all(origin, listed).length);
    }
  }
}
