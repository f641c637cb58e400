package dev.larder.csi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.StatusRuntimeException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class OriginSecretsTest {
  @Test
  void keysBecomeOptions() {
    assertEquals(
        Map.of("credentials", "id:key:token"),
        OriginSecrets.options(
            Map.of("accessKeyId", "id", "secretAccessKey", "key", "sessionToken", "token"), false));
    assertEquals(Map.of("sas", "s"), OriginSecrets.options(Map.of("sas", "s"), false));
    assertEquals(
        Map.of(),
        OriginSecrets.options(Map.of("csi.storage.k8s.io/serviceAccount.tokens", "canary"), false));
  }

  @Test
  void aPodsAuthorChoosesNoEndpoint() {
    Map<String, String> secret = Map.of("connectionString", "BlobEndpoint=http://canary/x;");
    assertEquals(1, OriginSecrets.options(secret, false).size());
    StatusRuntimeException e =
        assertThrows(StatusRuntimeException.class, () -> OriginSecrets.options(secret, true));
    String said = String.valueOf(e.getStatus().getDescription());
    assertTrue(said.contains("connectionString") && !said.contains("canary"), said);
  }

  @Test
  void faultsNameKeysAndNeverValues() {
    for (Map<String, String> bad :
        java.util.List.of(
            Map.of("password", "canary"),
            Map.of("accessKeyId", "canary"),
            Map.of("secretAccessKey", "canary"),
            Map.of(
                "accessKeyId", "canary", "secretAccessKey", "canary", "credentials", "canary"))) {
      StatusRuntimeException e =
          assertThrows(StatusRuntimeException.class, () -> OriginSecrets.options(bad, false));
      String said = String.valueOf(e.getStatus().getDescription());
      assertFalse(said.contains("canary"), said);
      assertTrue(said.contains("key"), said);
    }
  }
}
