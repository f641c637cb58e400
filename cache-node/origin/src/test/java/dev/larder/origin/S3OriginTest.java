package dev.larder.origin;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.ContentChecksum.Algorithm;
import dev.larder.protocol.ErrorCode;
import dev.larder.testkit.AccessLogEntry;
import dev.larder.testkit.S3Server;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.model.ChecksumAlgorithm;

/** Against a real server. */
class S3OriginTest extends OriginContract {
  @TempDir static Path work;
  private static S3Server server;
  private static int buckets;

  @BeforeAll
  static void start() throws Exception {
    server = S3Server.start(work);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Override
  S3Fixture fixture() throws Exception {
    return new S3Fixture(server, "bucket-" + buckets++);
  }

  @Test
  void aPrefixIsADirectory() throws Exception {
    try (S3Fixture fixture = fixture()) {
      fixture.put("in/side", new byte[1]);
      fixture.client.putObject(
          b -> b.bucket(fixture.bucket).key("database"), RequestBody.fromBytes(new byte[1]));
      try (Origin origin = fixture.open(new TestContext())) {
        assertEquals(List.of("in/side"), List.copyOf(Listing.of(origin).objects.keySet()));
        assertEquals("s3+" + server.endpoint() + "/" + fixture.bucket + "/data", origin.uri());
        assertEquals(origin.uri() + "/in/side", Listing.of(origin).get("in/side").uri());
      }
    }
  }

  @Test
  void oneReadIsOneRequestOfThoseBytes() throws Exception {
    try (S3Fixture fixture = fixture()) {
      fixture.put("x", new byte[1_000_000]);
      try (Origin origin = fixture.open(new TestContext())) {
        OriginObject object = Listing.of(origin).get("x");
        Reads.range(origin, object, 1000, 5000);
        List<AccessLogEntry> reads =
            server.accessLog().stream()
                .filter(e -> e.isObjectRead() && e.target().contains(fixture.bucket))
                .toList();
        assertEquals(1, reads.size());
        assertEquals(5000, reads.getFirst().bodyBytes());
        assertEquals("bytes=1000-5999", reads.getFirst().range());
      }
    }
  }

  @Test
  void publishesTheServersChecksum() throws Exception {
    try (S3Fixture fixture = fixture()) {
      byte[] content = bytes(new Random(1), 100_000);
      byte[] sha256 = MessageDigest.getInstance("SHA-256").digest(content);
      fixture.client.putObject(
          b -> b.bucket(fixture.bucket).key("data/x").checksumAlgorithm(ChecksumAlgorithm.SHA256),
          RequestBody.fromBytes(content));
      Map<String, String> md5 = new HashMap<>(fixture.options());
      md5.put("check-md5", "true");
      TestContext context = new TestContext();
      try (Origin plain = fixture.open(context);
          Origin checking = context.open("s3://" + fixture.bucket + "/data", md5)) {
        OriginObject object = Listing.of(plain).get("x");
        ContentChecksum found =
            plain.checksum(object).or(() -> checking.checksum(object)).orElseThrow();
        byte[] expected =
            found.algorithm() == Algorithm.MD5
                ? MessageDigest.getInstance("MD5").digest(content)
                : sha256;
        assertArrayEquals(expected, found.value(), found.toString());
      }
    }
  }

  @Test
  void filesPutThereFromOutsideAreBoundToTheirVersionToo() throws Exception {
    try (S3Fixture fixture = fixture()) {
      Path data = Files.createDirectories(server.buckets().resolve(fixture.bucket + "/data"));
      Files.writeString(data.resolve("x"), "first content");
      try (Origin origin = fixture.open(new TestContext())) {
        OriginObject object = Listing.of(origin).get("x");
        assertEquals(
            "first content", new String(Reads.all(origin, object), StandardCharsets.UTF_8));
        Path fresh = Files.writeString(data.resolve("y"), "other content");
        Files.setLastModifiedTime(
            fresh,
            java.nio.file.attribute.FileTime.fromMillis(
                Files.getLastModifiedTime(data.resolve("x")).toMillis() + 5_000));
        Files.move(fresh, data.resolve("x"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        Reads.fails(ErrorCode.ORIGIN_CHANGED, () -> Reads.all(origin, object));
      }
    }
  }

  @Test
  void aMissingBucketIsGone() {
    TestContext context =
        new TestContext().environment(Map.of("K", S3Server.ACCESS_KEY + ":" + S3Server.SECRET_KEY));
    try (Origin origin =
        context.open(
            "s3://no-such-bucket",
            Map.of("endpoint", server.endpoint().toString(), "credentials", "env:K"))) {
      String message = Reads.fails(ErrorCode.ORIGIN_GONE, () -> Listing.of(origin)).getMessage();
      assertTrue(message.contains("no-such-bucket"), message);
    }
  }
}
