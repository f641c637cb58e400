package dev.larder.origin;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.LarderException;
import dev.larder.testkit.Fault;
import dev.larder.testkit.FaultyHttpServer;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** No credential stands in a message, a trace or a log, whatever fails. */
class SecretsTest {
  private static final String CANARY = "Q2FuYXJ5NDcxMQ==";

  private record Case(String uri, String path, String object, Map<String, String> options) {}

  @Test
  void noFailureShowsACredential() throws Exception {
    try (Logged logged = Logged.asShipped();
        FaultyHttpServer server = FaultyHttpServer.start()) {
      for (Case one : cases(server.endpoint().toString())) {
        TestContext context =
            new TestContext()
                .environment(
                    Map.of(
                        "KEYS",
                        "AKIACASE:" + CANARY + ":token" + CANARY,
                        "BEARER",
                        "Bearer " + CANARY,
                        "KEY",
                        CANARY,
                        "SAS",
                        "sv=2024-01-01&sp=rl&sig=" + CANARY,
                        "CONNECTION",
                        "AccountName=acc;AccountKey="
                            + CANARY
                            + ";BlobEndpoint="
                            + server.endpoint()
                            + "/acc;"));
        try (Origin origin = context.open(one.uri(), one.options())) {
          for (Fault fault :
              List.of(new Fault.Status(403), new Fault.Status(400), new Fault.HangUp())) {
            server.spoil(one.path(), FaultContract.repeat(fault, 20));
            fails(() -> origin.open(object(one.object()), 0, 10).close());
            fails(() -> origin.checksum(object(one.object())));
            fails(() -> Listing.of(origin));
          }
        }
      }
      logged.lines().forEach(SecretsTest::assertClean);
    }
  }

  private static List<Case> cases(String server) {
    return List.of(
        new Case(
            "s3://bucket",
            "/bucket/x",
            "s3+" + server + "/bucket/x",
            Map.of("endpoint", server, "credentials", "env:KEYS", "region", "us-east-1")),
        new Case(server + "/x", "/x", server + "/x", Map.of("credentials", "env:BEARER")),
        new Case(
            "az://container",
            "/acc/container/x",
            server + "/acc/container/x",
            Map.of("endpoint", server + "/acc", "account-key", "env:KEY")),
        new Case(
            "az://container",
            "/acc/container/x",
            server + "/acc/container/x",
            Map.of("endpoint", server + "/acc", "sas", "env:SAS")),
        new Case(
            "az://container",
            "/acc/container/x",
            server + "/acc/container/x",
            Map.of("connection-string", "env:CONNECTION")));
  }

  private static OriginObject object(String uri) {
    return new OriginObject(
        "x",
        OriginObject.Type.FILE,
        uri,
        "e1",
        100,
        Instant.EPOCH,
        Optional.empty(),
        Optional.empty());
  }

  private static void fails(Runnable action) {
    try {
      action.run();
    } catch (LarderException e) {
      StringWriter text = new StringWriter();
      e.printStackTrace(new PrintWriter(text, true));
      assertClean(text.toString());
      return;
    }
    throw new AssertionError("it should have failed");
  }

  private static void assertClean(String text) {
    assertFalse(text.contains(CANARY), text);
    assertFalse(text.contains(CANARY.substring(0, 12)), text);
  }

  @Test
  void theRedactorSeesSecretsAndSignatures() {
    Redactor redactor = new Redactor();
    redactor.hide("hunter22");
    redactor.hide("a+secret/x");
    assertFalse(redactor.text("secret=a%2Bsecret%2Fx").contains("secret%2F"));
    String text =
        redactor.text(
            "https://h/x?sig=abc%2F&x=1 Authorization: Bearer tok hunter22 AccountKey=q;");
    assertTrue(text.contains("x=1"), text);
    for (String secret : List.of("abc", "tok ", "hunter22", "=q")) {
      assertFalse(text.contains(secret), text);
    }
    Throwable cause =
        redactor.cause(
            new IllegalStateException("outer hunter22", new RuntimeException("hunter22")));
    assertFalse(String.valueOf(cause).contains("hunter22"));
    assertFalse(String.valueOf(cause.getCause()).contains("hunter22"));
    assertTrue(cause.getMessage().startsWith("java.lang.IllegalStateException"));
  }
}
