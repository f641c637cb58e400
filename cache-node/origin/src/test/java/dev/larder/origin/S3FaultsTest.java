package dev.larder.origin;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.protocol.ErrorCode;
import dev.larder.testkit.FaultyHttpServer.Resource;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class S3FaultsTest extends FaultContract {
  @Override
  String path() {
    return "/bucket/data/x";
  }

  @Override
  Origin open(TestContext context) {
    return open(context, Map.of());
  }

  private Origin open(TestContext context, Map<String, String> more) {
    Map<String, String> options = new HashMap<>(more);
    options.put("endpoint", server.endpoint().toString());
    options.put("credentials", "anonymous");
    options.put("region", "us-east-1");
    return context.open("s3://bucket/data", options);
  }

  @Override
  OriginObject object(byte[] bytes, String version) {
    return listed("s3+" + server.endpoint() + "/bucket/data/x", version);
  }

  @Test
  void versionsAreBoundById() {
    Map<String, String> id = Map.of("x-amz-version-id", "v-7");
    server.put(path(), new Resource(content, "\"e1\"", Instant.EPOCH, id));
    server.put(
        "/bucket",
        new Resource(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <ListVersionsResult><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>
            <Version><Key>data/x</Key><VersionId>v-6</VersionId><IsLatest>false</IsLatest>
            <LastModified>2025-01-01T00:00:00.000Z</LastModified><ETag>"e0"</ETag><Size>1</Size>
            </Version>
            <Version><Key>data/x</Key><VersionId>v-7</VersionId><IsLatest>true</IsLatest>
            <LastModified>2025-01-02T00:00:00.000Z</LastModified><ETag>"e1"</ETag>
            <Size>3000000</Size></Version>
            <Version><Key>data/old%20one</Key><VersionId>null</VersionId><IsLatest>true</IsLatest>
            <LastModified>2025-01-02T00:00:00.000Z</LastModified><ETag>"e9"</ETag>
            <Size>5</Size></Version>
            <DeleteMarker><Key>data/gone</Key><VersionId>v-8</VersionId><IsLatest>true</IsLatest>
            <LastModified>2025-01-02T00:00:00.000Z</LastModified></DeleteMarker>
            </ListVersionsResult>\
            """
                .getBytes(StandardCharsets.UTF_8),
            "",
            null,
            Map.of("Content-Type", "application/xml")));
    try (Origin origin = open(new TestContext(), Map.of("versions", "true"))) {
      Listing listing = Listing.of(origin);
      assertEquals("v-7", listing.get("x").version());
      assertEquals("null/e9", listing.get("old one").version());
      assertEquals(2, listing.objects.size());
      assertArrayEquals(content, Reads.all(origin, listing.get("x")));
      String target = server.requests().getLast().target();
      assertEquals("/bucket/data/x?versionId=v-7", target);
      server.put(
          path(),
          new Resource(content, "\"e1\"", Instant.EPOCH, Map.of("x-amz-version-id", "v-9")));
      Reads.fails(ErrorCode.ORIGIN_CHANGED, () -> Reads.all(origin, listing.get("x")));
    }
  }
}
