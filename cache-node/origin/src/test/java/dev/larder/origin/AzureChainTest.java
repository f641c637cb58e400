package dev.larder.origin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.origin.ScriptedServer.Answer;
import dev.larder.origin.ScriptedServer.Seen;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where {@code credentials=default} finds some for Azure, by links of the SDK's chain. */
class AzureChainTest {
  private static final String LOGIN = "login.microsoftonline.com";
  private static final String TENANT = "11111111-1111-1111-1111-111111111111";
  private static final String TOKEN = "canary-bearer-4711";

  @TempDir Path work;
  private Keys keys;
  private ScriptedServer login;
  private ScriptedServer blobs;
  private ScriptedServer metadata;
  private Tunnels proxy;
  private final AtomicInteger requests = new AtomicInteger();

  @BeforeEach
  void start() throws Exception {
    keys = Keys.create(work, LOGIN);
    login = ScriptedServer.secure(keys, AzureChainTest::login);
    metadata = new ScriptedServer(AzureChainTest::managed);
    blobs =
        ScriptedServer.secure(
            keys,
            r -> {
              if (!r.header("Authorization").equals("Bearer " + TOKEN)) {
                return Answer.of(401, Map.of(), "");
              }
              return requests.incrementAndGet() > 1
                  // As servers do that want to be helpful.
                  ? Answer.of(403, Map.of(), "you sent " + TOKEN)
                  : Answer.of(200, Map.of("ETag", "\"e\""), "content");
            });
    proxy = new Tunnels(Map.of(LOGIN + ":443", login.port(), "169.254.169.254", metadata.port()));
  }

  @AfterEach
  void stop() throws Exception {
    assertEquals(List.of(), proxy.refused(), "requests that wanted out");
    proxy.close();
    login.close();
    blobs.close();
    metadata.close();
  }

  private static Answer login(Seen request) {
    Map<String, String> json = Map.of("Content-Type", "application/json");
    if (request.target().contains("discovery/instance")) {
      return Answer.of(
          200,
          json,
          """
          {"tenant_discovery_endpoint": "https://%1$s/%2$s/v2.0/.well-known/openid-configuration",
           "api-version": "1.1", "metadata": [{"preferred_network": "%1$s",
           "preferred_cache": "%1$s", "aliases": ["%1$s"]}]}\
          """
              .formatted(LOGIN, TENANT));
    }
    if (request.target().contains("openid-configuration")) {
      return Answer.of(
          200,
          json,
          """
          {"token_endpoint": "https://%1$s/%2$s/oauth2/v2.0/token",
           "authorization_endpoint": "https://%1$s/%2$s/oauth2/v2.0/authorize",
           "issuer": "https://%1$s/%2$s/v2.0"}\
          """
              .formatted(LOGIN, TENANT));
    }
    boolean known =
        request.target().contains("/oauth2/v2.0/token")
            && (request.body().contains("client_secret=canary-client-secret")
                || request.body().contains("client_assertion=canary-federated"));
    return known
        ? Answer.of(
            200,
            json,
            "{\"token_type\": \"Bearer\", \"expires_in\": 3600, \"ext_expires_in\": 3600,"
                + " \"access_token\": \""
                + TOKEN
                + "\"}")
        : Answer.of(
            401,
            json,
            "{\"error\": \"invalid_client\", \"error_description\": \"you sent "
                + request.body()
                + "\"}");
  }

  private static Answer managed(Seen request) {
    boolean asked =
        request.header("X-IDENTITY-HEADER").equals("canary-identity-header")
            || request.target().contains("/metadata/identity/oauth2/token");
    return asked
        ? Answer.of(
            200,
            Map.of("Content-Type", "application/json"),
            "{\"access_token\": \""
                + TOKEN
                + "\", \"expires_on\": \"4102444800\", \"expires_in\": \"3600\","
                + " \"resource\": \"https://storage.azure.com\", \"token_type\": \"Bearer\"}")
        : Answer.of(400, Map.of(), "");
  }

  private String read(Map<String, String> environment) throws Exception {
    OriginObject object =
        new OriginObject(
            "x",
            OriginObject.Type.FILE,
            blobs.endpoint() + "/acc/container/x",
            "e",
            7,
            Instant.EPOCH,
            Optional.empty(),
            Optional.empty());
    try (Child child =
        Child.start(
            work,
            environment,
            keys,
            proxy.uri(),
            "az://container",
            object,
            Map.of("endpoint", blobs.endpoint() + "/acc"))) {
      String output = child.output();
      assertFalse(output.contains("canary"), output);
      return output;
    }
  }

  /** Reads with what the environment leads to, then sees that a refusal tells nothing of it. */
  private void found(Map<String, String> environment) throws Exception {
    String output = read(environment);
    assertTrue(output.contains("read 7"), output);
    assertTrue(output.contains("ORIGIN_DENIED"), output);
  }

  @Test
  void theEnvironmentsSecret() throws Exception {
    found(
        Map.of(
            "AZURE_TENANT_ID",
            TENANT,
            "AZURE_CLIENT_ID",
            "client",
            "AZURE_CLIENT_SECRET",
            "canary-client-secret"));
  }

  @Test
  void aWrongSecretIsDenied() throws Exception {
    String output =
        read(
            Map.of(
                "AZURE_TENANT_ID",
                TENANT,
                "AZURE_CLIENT_ID",
                "client",
                "AZURE_CLIENT_SECRET",
                "canary-wrong-secret"));
    assertTrue(output.contains("ORIGIN_DENIED"), output);
    assertEquals(List.of(), blobs.seen());
  }

  @Test
  void aServiceAccountsToken() throws Exception {
    Path token = Files.writeString(work.resolve("token"), "canary-federated");
    found(
        Map.of(
            "AZURE_TENANT_ID",
            TENANT,
            "AZURE_CLIENT_ID",
            "client",
            "AZURE_FEDERATED_TOKEN_FILE",
            token.toString()));
  }

  @Test
  void anAppServicesIdentity() throws Exception {
    found(
        Map.of(
            "IDENTITY_ENDPOINT",
            metadata.endpoint() + "/msi/token",
            "IDENTITY_HEADER",
            "canary-identity-header"));
  }

  @Test
  void theMachinesIdentity() throws Exception {
    found(Map.of());
  }
}
