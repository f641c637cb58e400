package dev.larder.csi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.config.ConfigTree;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CsiConfigTest {
  @Test
  void nothingIsServedUnlessASocketIsNamed() {
    assertEquals(CsiConfig.defaults(), CsiConfig.of(new ConfigTree(Map.of())));
    assertFalse(CsiConfig.defaults().isOn());
    CsiConfig on = CsiConfig.of(new ConfigTree(Map.of("csi.socket", "/run/csi.sock")));
    assertTrue(on.isOn());
    assertEquals("/run/csi.sock", on.socketOfKubelet());
    assertFalse(on.node().isEmpty());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "s3://bucket/public/",
        "https://host:8443/",
        "http://[::1]:80/x",
        "https://account.blob.core.windows.net/c/",
        "abfss://c@account.dfs.core.windows.net/"
      })
  void beginningsThatNameAHostAreTaken(String origin) {
    assertEquals(
        List.of(origin),
        CsiConfig.of(new ConfigTree(Map.of("csi.inline-origins", origin))).inlineOrigins());
  }

  @ParameterizedTest
  @CsvSource({
    "csi.socket, csi.sock",
    "csi.name, 1.example",
    "csi.name, a/b",
    "csi.node-id, a b",
    "csi.registry, reg",
    "csi.endpoint, x",
    "csi.registry-interval, 0s",
    "csi.controller, yes",
    "csi.inline-origins, s3://bucket",
    "csi.inline-origins, s3://",
    "csi.inline-origins, file:///etc/",
    "csi.inline-origins, az://container/",
    "csi.inline-origins, https://user@host/",
    "csi.inline-origins, abfss://account.dfs.core.windows.net/",
    "csi.inline-origins, /etc/",
    "csi.calls-max, 0",
    "csi.volumes-max, 0",
    "csi.datasets-max, 0",
    "csi.origin-refresh, -1s",
    "csi.publish-timeout, 0s",
    "csi.unpublish-timeout, 0s",
  })
  void badValuesAreNamed(String key, String value) {
    LarderException e =
        assertThrows(LarderException.class, () -> CsiConfig.of(new ConfigTree(Map.of(key, value))));
    assertEquals(ErrorCode.BAD_CONFIG, e.code());
    assertTrue(String.valueOf(e.getMessage()).contains(key), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"csi.calls-max", "csi.volumes-max", "csi.datasets-max"})
  void aBadCountSaysWhatIsAllowed(String key) {
    LarderException e =
        assertThrows(LarderException.class, () -> CsiConfig.of(new ConfigTree(Map.of(key, "-1"))));
    assertEquals(key + ": value out of range: -1; at least 1", e.getMessage());
  }
}
