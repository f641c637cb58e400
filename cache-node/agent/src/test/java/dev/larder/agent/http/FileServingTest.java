package dev.larder.agent.http;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.http.RawClient.Response;
import dev.larder.agent.read.BlobRead;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digests;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** GET and HEAD of files and blobs: bytes, ranges, conditions. */
class FileServingTest {
  private static final int SMALL = 4096;
  private static final int LARGE = 300_000;

  private final DoorFixture fixture = new DoorFixture();
  private BlobKey small;
  private BlobKey large;

  @BeforeEach
  void files() {
    small = fixture.node.file("a/small.txt", SMALL);
    large = fixture.node.file("a/large.bin", LARGE);
    fixture.node.file("a/empty.json", 0);
    fixture.node.file("a/h\u00e9 %?#.bin", 10);
    fixture.node.link("a/link", "small.txt");
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void servesSmallFilesOnTheEventLoopAndByWorkersAlike(boolean hot) throws Exception {
    fixture.node.hotPath = hot;
    Response got = fixture.get("/datasets/data/a/small.txt");
    assertEquals(200, got.status());
    assertArrayEquals(FakeNode.bytes(small, 0, SMALL), got.body());
    assertEquals(Optional.of("\"" + small + "\""), got.header("ETag"));
    assertEquals(Optional.of("bytes"), got.header("Accept-Ranges"));
    assertEquals(Optional.of("Sat, 03 Feb 2024 04:05:06 GMT"), got.header("Last-Modified"));
    assertEquals(Optional.of("text/plain; charset=utf-8"), got.header("Content-Type"));
    assertEquals(Optional.of("data@3"), got.header("Larder-Snapshot"));
    assertEquals(Optional.of("true"), got.header("Larder-Local"));
    String root = Digests.rootOf(ByteBuffer.wrap(got.body())).hex();
    assertEquals(Optional.of(root), got.header("Larder-Root"));
    assertTrue(got.header("Date").isPresent());
    assertEquals(hot ? 0 : 1, fixture.node.opened.get());
    Response blob = fixture.get("/blobs/" + small, "Range: bytes=10-19");
    assertEquals(206, blob.status());
    assertArrayEquals(FakeNode.bytes(small, 10, 10), blob.body());
    assertEquals(Optional.of(root), blob.header("Larder-Root"), "of the whole blob");
  }

  @Test
  void servesLargeFilesSpanBySpan() throws Exception {
    Response got = fixture.get("/datasets/data@3/a/large.bin");
    assertEquals(200, got.status());
    assertArrayEquals(FakeNode.bytes(large, 0, LARGE), got.body());
    assertArrayEquals(got.body(), fixture.get("/blobs/" + large).body());
    // Counted once the last span was sent, which the client may see first.
    DoorFixture.await(
        () -> fixture.metrics.totals(BlobRead.Source.ORIGIN).bytes() == LARGE * 2L,
        "both reads were counted");
  }

  @ParameterizedTest
  @CsvSource({
    "0-0, 0, 1",
    "0-, 0, 300000",
    "299999-, 299999, 1",
    "-1, 299999, 1",
    "-400000, 0, 300000",
    "100-200000, 100, 199901",
    "299990-99999999999999999999, 299990, 10",
    "5-4, -1, 0",
    "300000-, -1, 0",
    "-0, -1, 0",
    "-, -1, 0",
    "a-b, -1, 0",
    "1, -1, 0",
    "+1-2, -1, 0",
    "'0-1,3-4', -1, 0",
    "'0-1,', -1, 0",
  })
  void ranges(String spec, long offset, int length) throws Exception {
    for (String target : new String[] {"/datasets/data/a/large.bin", "/blobs/" + large}) {
      Response got = fixture.get(target, "Range: bytes=" + spec);
      if (offset < 0) {
        assertEquals(416, got.status(), target);
        assertTrue(got.text().contains("\"BAD_RANGE\""), got.text());
        assertEquals(Optional.of("bytes */" + LARGE), got.header("Content-Range"));
      } else {
        assertEquals(206, got.status(), target);
        assertArrayEquals(FakeNode.bytes(large, offset, length), got.body());
        assertEquals(
            Optional.of("bytes " + offset + "-" + (offset + length - 1) + "/" + LARGE),
            got.header("Content-Range"));
      }
    }
  }

  @Test
  void foreignRangeUnitsAndRangesOfHeadAreIgnored() throws Exception {
    assertEquals(200, fixture.get("/datasets/data/a/large.bin", "Range: lines=1-2").status());
    Response head = fixture.exchange("HEAD", "/datasets/data/a/large.bin", "", "Range: bytes=0-1");
    assertEquals(200, head.status());
    assertEquals(Optional.of("" + LARGE), head.header("Content-Length"));
    assertEquals(416, fixture.get("/blobs/" + large, "Range: nonsense").status());
    assertEquals(
        416, fixture.get("/blobs/" + large, "Range: bytes=0-1", "Range: bytes=0-1").status());
  }

  @Test
  void headTellsWhatGetWouldWithoutOpeningTheBlob() throws Exception {
    Response blob = fixture.exchange("HEAD", "/blobs/" + large, "");
    assertEquals(200, blob.status());
    assertEquals(Optional.of("" + LARGE), blob.header("Content-Length"));
    assertEquals(200, fixture.exchange("HEAD", "/datasets/data/a/small.txt", "").status());
    assertEquals(200, fixture.exchange("HEAD", "/datasets/data/a", "").status());
    assertEquals(0, fixture.node.opened.get());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "If-None-Match: KEY | 304",
        "If-None-Match: W/KEY | 304",
        "If-None-Match: \"x\", KEY | 304",
        "If-None-Match: \"a,b\" , W/\"x\" | 206",
        "If-None-Match: * | 304",
        "If-None-Match: \"x\" | 206",
        "If-Match: KEY | 206",
        "If-Match: W/KEY | 412",
        "If-Match: \"x\" | 412",
        "If-Match: * | 206",
        "If-Modified-Since: Sat, 03 Feb 2024 04:05:06 GMT | 304",
        "If-Modified-Since: Sat, 03 Feb 2024 04:05:05 GMT | 206",
        "If-Modified-Since: nonsense | 206",
        "If-Unmodified-Since: Sat, 03 Feb 2024 04:05:05 GMT | 412",
        "If-Unmodified-Since: Sat, 03 Feb 2024 04:05:06 GMT | 206",
        "If-Range: KEY | 206",
        "If-Range: W/KEY | 200",
        "If-Range: \"x\" | 200",
        "If-Range: Sat, 03 Feb 2024 04:05:06 GMT | 206",
        "If-Range: Sat, 03 Feb 2024 04:05:07 GMT | 200",
        "If-Range: nonsense | 200",
      })
  void conditions(String header, int status) throws Exception {
    for (String name : new String[] {"small.txt", "large.bin"}) {
      BlobKey key = name.startsWith("s") ? small : large;
      Response got =
          fixture.get(
              "/datasets/data/a/" + name,
              header.replace("KEY", "\"" + key + "\""),
              "Range: bytes=1-2");
      assertEquals(status, got.status(), header);
      assertEquals(Optional.of("\"" + key + "\""), got.header("ETag"));
      if (status == 206) {
        assertArrayEquals(FakeNode.bytes(key, 1, 2), got.body());
      }
    }
  }

  @Test
  void emptyFilesAndEncodedNames() throws Exception {
    Response empty = fixture.get("/datasets/data/a/empty.json");
    assertEquals(200, empty.status());
    assertEquals(Optional.of("0"), empty.header("Content-Length"));
    assertEquals(Optional.of("application/json"), empty.header("Content-Type"));
    assertEquals(416, fixture.get("/datasets/data/a/empty.json", "Range: bytes=0-").status());
    assertEquals(10, fixture.get("/datasets/data/a/h%C3%A9%20%25%3f%23.bin").body().length);
    assertEquals(200, fixture.get("/datasets/data/a/small.txt/").status());
  }

  @ParameterizedTest
  @CsvSource({
    "/datasets/data/a/../b, 400, BAD_REQUEST",
    "/datasets/data/./a, 400, BAD_REQUEST",
    "/datasets/data/a/%2e%2e/b, 400, BAD_REQUEST",
    "/datasets/data//a, 400, BAD_REQUEST",
    "/datasets/data/a%2Fsmall.txt, 400, BAD_REQUEST",
    "/datasets/data/a%00, 400, BAD_REQUEST",
    "/datasets/data/%ff, 400, BAD_REQUEST",
    "/datasets/data/%c0%af, 400, BAD_REQUEST",
    "/datasets/data/%ed%a0%80, 400, BAD_REQUEST",
    "/datasets/data/a%, 400, BAD_REQUEST",
    "/datasets/data/a%2, 400, BAD_REQUEST",
    "/datasets/data/a%zz, 400, BAD_REQUEST",
    "/datasets/data/a#x, 400, BAD_REQUEST",
    "/datasets/data/a?nonsense=1, 400, BAD_REQUEST",
    "/datasets/data/a?limit=1&limit=2, 400, BAD_REQUEST",
    "/datasets/data/a?limit=0, 400, BAD_REQUEST",
    "/datasets/data/a?limit=10001, 400, BAD_REQUEST",
    "/datasets/data/a?glob=x, 400, BAD_REQUEST",
    "/datasets/data/a?recursive=perhaps, 400, BAD_REQUEST",
    "/datasets/data/a/small.txt?limit=1, 400, BAD_REQUEST",
    "/datasets/data/a/none, 404, NO_SUCH_PATH",
    "/datasets/other/a, 404, UNKNOWN_DATASET",
    "/datasets/data@4/a, 404, UNKNOWN_DATASET",
    "/datasets/data@x/a, 400, BAD_NAME",
    "/datasets/DATA/a, 400, BAD_NAME",
    "/datasets/data/a/link, 400, WRONG_TYPE",
    "/datasets/data/a/small.txt?recursive=true, 400, WRONG_TYPE",
    "/blobs/nonsense, 400, BAD_KEY",
    "/blobs/sha256:0000000000000000000000000000000000000000000000000000000000000000, 404, UNKNOWN_BLOB",
    "/nothing, 404, NO_SUCH_PATH",
    "/, 404, NO_SUCH_PATH",
    "/datasets, 404, NO_SUCH_PATH",
  })
  void faults(String target, int status, String code) throws Exception {
    Response got = fixture.get(target);
    assertEquals(status, got.status(), got.text());
    assertEquals(Optional.of("application/problem+json"), got.header("Content-Type"));
    assertTrue(got.text().contains("\"code\":\"" + code + "\""), got.text());
    assertTrue(got.text().contains("\"status\":" + status), got.text());
  }

  @Test
  void aLinkTellsItsTarget() throws Exception {
    assertTrue(fixture.get("/datasets/data/a/link").text().contains("small.txt"));
  }
}
