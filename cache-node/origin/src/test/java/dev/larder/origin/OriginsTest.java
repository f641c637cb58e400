package dev.larder.origin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.OriginKeys;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OriginsTest {
  @TempDir Path temp;

  private record Bad(String uri, Map<String, String> options, String named) {}

  @Test
  void malformedOriginsAreNamed() {
    List<Bad> all =
        List.of(
            new Bad("", Map.of(), "scheme"),
            new Bad("models", Map.of(), "scheme"),
            new Bad("ftp://host/x", Map.of(), "scheme"),
            new Bad("file:relative", Map.of(), "absolute"),
            new Bad("file://otherhost/x", Map.of(), "otherhost"),
            new Bad("file:///a%zz", Map.of(), "%zz"),
            new Bad("s3://", Map.of(), "bucket"),
            new Bad("s3://A", Map.of(), "bucket"),
            new Bad("s3://bucket/%ff", Map.of(), "prefix"),
            new Bad("s3://bucket/x?y", Map.of(), "query"),
            new Bad("s3://key:secret@bucket/x", Map.of(), "credentials"),
            new Bad("s3://bucket", Map.of("endpoint", "localhost:9000"), "endpoint"),
            new Bad("s3://bucket", Map.of("endpoint", "http://u:p@h"), "endpoint"),
            new Bad("s3://bucket", Map.of("endpoint", "http://h/path"), "endpoint"),
            new Bad("s3://bucket", Map.of("path-style", "yes"), "path-style"),
            new Bad("s3://bucket", Map.of("region", "a b"), "region"),
            new Bad("s3://bucket", Map.of("colour", "red"), "colour"),
            new Bad("s3://bucket", Map.of("credentials", "AKIA:canary"), "credentials"),
            new Bad("s3://bucket", Map.of("credentials", "env:NOT_SET"), "NOT_SET"),
            new Bad("s3://bucket", Map.of("credentials", "file:/no/such"), "/no/such"),
            new Bad("http://host/dir/", Map.of(), "manifest"),
            new Bad("http:///x", Map.of(), "host"),
            new Bad("http://u:canary@host/x", Map.of(), "credentials"),
            new Bad("http://host/x?X-Amz-Signature=canary", Map.of(), "x-amz-signature"),
            new Bad("http://host/x", Map.of("region", "eu"), "region"),
            new Bad("az://container", Map.of(), "account"),
            new Bad("az://C", Map.of("account", "acc"), "container"),
            new Bad("az://container", Map.of("account", "A!"), "account"),
            new Bad("abfss://container/x", Map.of(), "abfss"),
            new Bad("abfss://container@elsewhere.example/x", Map.of(), "host"),
            new Bad(
                "az://container",
                Map.of("account", "acc", "sas", "env:A", "account-key", "env:B"),
                "one of them"));
    for (Bad bad : all) {
      LarderException e =
          Reads.fails(
              ErrorCode.BAD_ORIGIN, () -> new TestContext().open(bad.uri(), bad.options()).close());
      assertTrue(e.getMessage().contains(bad.named()), bad + ": " + e.getMessage());
      assertFalse(trace(e).contains("canary"), bad + ": " + trace(e));
    }
  }

  @Test
  void unknownOptionsNameTheKnownOnes() {
    LarderException e =
        Reads.fails(
            ErrorCode.BAD_ORIGIN,
            () -> new TestContext().open("s3://bucket", Map.of("colour", "red")).close());
    assertTrue(e.getMessage().contains("check-md5, credentials, endpoint"), e.getMessage());
  }

  @Test
  void canonicalUrisNeverChange() {
    Map<String, String> anonymous = Map.of("credentials", "anonymous", "region", "eu-west-1");
    Map<String, String> custom =
        Map.of("credentials", "anonymous", "endpoint", "HTTPS://Minio.Local:443/");
    Map<String, String> port =
        Map.of("credentials", "anonymous", "endpoint", "http://minio.local:9000");
    Map<String, String> amazon =
        Map.of("credentials", "anonymous", "endpoint", "https://s3.eu-west-1.amazonaws.com");
    Map<String, String> azure = Map.of("credentials", "anonymous");
    Map<String, String> account = Map.of("credentials", "anonymous", "account", "acc");
    assertUri("s3://models", "s3://models", anonymous);
    assertUri("s3://models/a%20b/c", "s3://models/a b/c/", anonymous);
    assertUri("s3://models/a%20b%2Bc", "S3://models/a%20b+c//", anonymous);
    assertUri("s3://models/p", "s3://models/p", amazon);
    assertUri("s3+https://minio.local/models/p", "s3://models/p", custom);
    assertUri("s3+http://minio.local:9000/models/p", "s3://models/p", port);
    assertUri("http://host/a%20b/%C3%BC?q=1", "HTTP://HOST:80/a%20b/\u00fc?q=1#frag", Map.of());
    assertUri("https://host:8443/x", "https://host:8443/x", Map.of());
    String blob = "https://acc.blob.core.windows.net/container/a%20b";
    assertUri(blob, "az://container/a b", account);
    assertUri(blob, "https://acc.blob.core.windows.net/container/a%20b/", azure);
    assertUri(blob, "abfss://container@acc.dfs.core.windows.net/a%20b", azure);
  }

  @Test
  void keysNeverChange() {
    // printf 'larder-origin-1\nURI\nVERSION\nSIZE\n' | sha256sum
    assertEquals(
        "origin:74fd22cf90994a495e58c169d706fef6953a4519b2ce954db9af97de97118a5f",
        OriginKeys.key("https://acc.blob.core.windows.net/container/a%20b/x", "0x8DD", 3)
            .toString());
    ObjectUris uris = new ObjectUris("s3+http://minio.local:9000/models", "p/");
    assertEquals(
        "origin:0ebe12bc68fc59374022c7f7667f04d516790dcf5c9b0c1b3860f78b996c5d7b",
        OriginKeys.key(uris.of("p/\u00fc"), S3Version.token("null", "e9"), 5).toString());
  }

  private static void assertUri(String expected, String uri, Map<String, String> options) {
    try (Origin origin = new TestContext().open(uri, options)) {
      assertEquals(expected, origin.uri());
    }
  }

  @Test
  void directoriesMustBeThere() {
    Reads.fails(
        ErrorCode.ORIGIN_GONE, () -> new TestContext().open(temp + "/no", Map.of()).close());
    Reads.fails(
        ErrorCode.BAD_ORIGIN, () -> new TestContext().open("/etc/passwd", Map.of()).close());
  }

  @Test
  void awkwardNamesAreSkippedWithAReason() {
    assertEquals(java.util.Optional.empty(), Names.fault("a/b c/\n"));
    for (String name : List.of("", "/a", "a//b", "a/../b", ".", "a/", "\0", "x".repeat(256))) {
      assertTrue(Names.fault(name).isPresent(), name);
    }
    assertTrue(Names.fault("\u00fc".repeat(128)).isPresent());
    assertEquals(java.util.Optional.empty(), Names.fault("\u00fc".repeat(127)));
  }

  private static String trace(Throwable e) {
    StringWriter text = new StringWriter();
    e.printStackTrace(new PrintWriter(text, true));
    return text.toString();
  }
}
