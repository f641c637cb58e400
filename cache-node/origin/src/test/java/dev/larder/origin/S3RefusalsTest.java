package dev.larder.origin;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.origin.ScriptedServer.Answer;
import dev.larder.origin.ScriptedServer.Seen;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** What is made of S3's refusals: those that say what to do better, and those that are final. */
class S3RefusalsTest {
  private static final byte[] CONTENT = "content".getBytes(StandardCharsets.UTF_8);
  private static final String SECRET = "canary-secret";

  private static final String LISTING =
      """
      <ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated><Contents>\
      <Key>x</Key><LastModified>2025-01-01T00:00:00.000Z</LastModified><ETag>"e"</ETag>\
      <Size>7</Size></Contents></ListBucketResult>\
      """;

  private static Answer found(Seen request) {
    return request.target().contains("list-type")
        ? Answer.of(200, Map.of("Content-Type", "application/xml"), LISTING)
        : new Answer(200, Map.of("ETag", "\"e\""), CONTENT);
  }

  private static Answer refused(int status, Map<String, String> headers, String xml) {
    return Answer.of(status, headers, "<Error>" + xml + "</Error>");
  }

  private static boolean isSignedFor(Seen request, String region) {
    return request.header("Authorization").contains("/" + region + "/s3/aws4_request");
  }

  private static Origin open(ScriptedServer server, String bucket, Map<String, String> more) {
    Map<String, String> options = new HashMap<>(more);
    options.put("endpoint", server.endpoint().toString());
    options.put("credentials", "env:KEYS");
    return new TestContext()
        .environment(Map.of("KEYS", "AKIACANARY:" + SECRET))
        .open("s3://" + bucket, options);
  }

  private static OriginObject object(ScriptedServer server, String bucket) {
    return new OriginObject(
        "x",
        OriginObject.Type.FILE,
        "s3+" + server.endpoint() + "/" + bucket + "/x",
        "e",
        CONTENT.length,
        Instant.EPOCH,
        Optional.empty(),
        Optional.empty());
  }

  private static Function<Seen, Answer> onlyIn(String region, Answer refusal) {
    return request -> isSignedFor(request, region) ? found(request) : refusal;
  }

  @Test
  void theRegionTheServerNamesIsTakenOnceAndRemembered() throws Exception {
    String malformed = "<Code>AuthorizationHeaderMalformed</Code>";
    for (Answer refusal :
        List.of(
            refused(400, Map.of("x-amz-bucket-region", "eu-west-3"), malformed),
            refused(400, Map.of(), malformed + "<Region>eu-west-3</Region>"),
            refused(
                301,
                Map.of("x-amz-bucket-region", "eu-west-3", "Location", "http://127.0.0.1:1/"),
                "<Code>PermanentRedirect</Code>"))) {
      try (ScriptedServer server = new ScriptedServer(onlyIn("eu-west-3", refusal));
          Origin origin = open(server, "bucket", Map.of())) {
        OriginObject object = object(server, "bucket");
        assertArrayEquals(CONTENT, Reads.all(origin, object));
        assertEquals(2, server.seen().size());
        assertArrayEquals(CONTENT, Reads.all(origin, object));
        assertTrue(origin.checksum(object).isEmpty());
        assertEquals("e", Listing.of(origin).get("x").version());
        assertEquals(5, server.seen().size());
      }
    }
  }

  @Test
  void aListingFindsTheRegionForReadsToo() throws Exception {
    Answer refusal =
        refused(301, Map.of("x-amz-bucket-region", "eu-west-3"), "<Code>PermanentRedirect</Code>");
    try (ScriptedServer server = new ScriptedServer(onlyIn("eu-west-3", refusal));
        Origin origin = open(server, "bucket", Map.of())) {
      assertArrayEquals(CONTENT, Reads.all(origin, Listing.of(origin).get("x")));
      assertEquals(3, server.seen().size());
    }
  }

  @Test
  void aHeadWithoutABodyFindsTheRegionToo() throws Exception {
    Answer refusal = refused(400, Map.of("x-amz-bucket-region", "eu-west-3"), "");
    try (ScriptedServer server = new ScriptedServer(onlyIn("eu-west-3", refusal));
        Origin origin = open(server, "bucket", Map.of())) {
      assertTrue(origin.checksum(object(server, "bucket")).isEmpty());
      assertEquals(2, server.seen().size());
    }
  }

  @Test
  void aRegionThatWasGivenIsNotOverruled() throws Exception {
    Answer refusal =
        refused(
            400,
            Map.of("x-amz-bucket-region", "eu-west-3"),
            "<Code>AuthorizationHeaderMalformed</Code>");
    try (ScriptedServer server = new ScriptedServer(onlyIn("eu-west-3", refusal));
        Origin origin = open(server, "bucket", Map.of("region", "us-west-1"))) {
      OriginObject object = object(server, "bucket");
      for (Runnable call :
          List.<Runnable>of(() -> Reads.all(origin, object), () -> Listing.of(origin))) {
        LarderException e = Reads.fails(ErrorCode.BAD_ORIGIN, call::run);
        assertTrue(e.getMessage().contains("check option region"), e.getMessage());
      }
      assertEquals(2, server.seen().size());
    }
  }

  @Test
  void redirectsThatLeadNowhereEnd() throws Exception {
    AtomicInteger count = new AtomicInteger();
    for (Function<Seen, String> region :
        List.<Function<Seen, String>>of(
            r -> "evil.example/", r -> "", r -> "us-east-1", r -> "r" + count.incrementAndGet())) {
      try (ScriptedServer server =
              new ScriptedServer(r ->
                  refused(
                      301,
                      Map.of("x-amz-bucket-region", region.apply(r)),
                      "<Code>PermanentRedirect</Code>"));
          Origin origin = open(server, "bucket", Map.of())) {
        Reads.fails(ErrorCode.BAD_ORIGIN, () -> Reads.all(origin, object(server, "bucket")));
        assertTrue(server.seen().size() <= 2, server.seen().toString());
      }
    }
  }

  @Test
  void aWrongClockIsSetByTheServers() throws Exception {
    Instant theirs = Instant.now().plus(Duration.ofDays(2));
    String day = DateTimeFormatter.BASIC_ISO_DATE.format(theirs.atZone(ZoneOffset.UTC));
    String stamp = day.substring(0, 8);
    Answer skewed =
        refused(
            403,
            Map.of("Date", HttpStatuses.httpDate(theirs)),
            "<Code>RequestTimeTooSkewed</Code>");
    try (ScriptedServer server =
            new ScriptedServer(r -> r.header("x-amz-date").startsWith(stamp) ? found(r) : skewed);
        Origin origin = open(server, "bucket", Map.of())) {
      OriginObject object = object(server, "bucket");
      assertArrayEquals(CONTENT, Reads.all(origin, object));
      assertArrayEquals(CONTENT, Reads.all(origin, object));
      assertEquals(3, server.seen().size());
    }
  }

  @Test
  void directoryBucketsAreReadInSessions() throws Exception {
    String bucket = "data--usw2-az1--x-s3";
    AtomicInteger sessions = new AtomicInteger();
    Function<Seen, Answer> script =
        r -> {
          if (r.target().contains("session")) {
            return Answer.of(
                200,
                Map.of("Content-Type", "application/xml"),
                """
                <CreateSessionResult><Credentials><AccessKeyId>ASIASESSION</AccessKeyId>\
                <SecretAccessKey>session-secret</SecretAccessKey>\
                <SessionToken>session-%d</SessionToken>\
                <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>\
                """
                    .formatted(sessions.incrementAndGet()));
          }
          boolean taken =
              r.header("Authorization").contains("Credential=ASIASESSION/")
                  && r.header("Authorization").contains("/us-west-2/s3express/")
                  && r.header("Authorization").contains("x-amz-s3session-token")
                  && r.header("x-amz-s3session-token").equals("session-" + sessions.get())
                  && r.header("x-amz-security-token").isEmpty();
          return taken ? found(r) : refused(400, Map.of(), "<Code>ExpiredToken</Code>");
        };
    try (ScriptedServer server = new ScriptedServer(script);
        Origin origin = open(server, bucket, Map.of("region", "us-west-2"))) {
      OriginObject object = object(server, bucket);
      assertArrayEquals(CONTENT, Reads.all(origin, object));
      assertArrayEquals(CONTENT, Reads.all(origin, object));
      assertTrue(origin.checksum(object).isEmpty());
      assertEquals(1, sessions.get());
      assertEquals(4, server.seen().size());
      sessions.incrementAndGet(); // the session in use is no longer good
      assertArrayEquals(CONTENT, Reads.all(origin, object));
      assertEquals(3, sessions.get());
      // The SDK's client opens a session of its own for this.
      assertEquals("e", Listing.of(origin).get("x").version());
    }
  }

  @Test
  void errorsThatAreNoErrorsOfS3AreBoundedAndHarmless() throws Exception {
    String quoting = "<Code>Odd</Code><Message>you sent " + SECRET + "</Message>";
    String bomb =
        "<!DOCTYPE b [<!ENTITY a \""
            + "a".repeat(1000)
            + "\"><!ENTITY b \"&a;&a;&a;\">]>"
            + "<Error><Code>Bomb</Code><Message>&b;</Message></Error>";
    for (String body :
        List.of(
            "<Error>" + quoting + "</Error>",
            "<html><body>Bad gateway",
            bomb,
            "<Error><Code>Long</Code><Message>" + "m".repeat(5_000_000) + "</Message></Error>",
            "<Error><Code>Cut</Code><Mess",
            "\0\1\2",
            "")) {
      try (ScriptedServer server = new ScriptedServer(r -> Answer.of(400, Map.of(), body));
          Origin origin = open(server, "bucket", Map.of())) {
        LarderException e =
            Reads.fails(ErrorCode.BAD_ORIGIN, () -> Reads.all(origin, object(server, "bucket")));
        assertTrue(e.getMessage().contains("status 400"), e.getMessage());
        assertFalse(e.getMessage().contains(SECRET), e.getMessage());
        assertTrue(e.getMessage().length() < 1500, "a message of " + e.getMessage().length());
      }
    }
  }
}
