package dev.larder.csi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.config.ConfigTree;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
    "csi.inline-origins, /etc/",
    "csi.calls-max, 0",
    "csi.volumes-max, 0",
    "csi.publish-timeout, 0s",
    "csi.unpublish-timeout, 0s",
  })
  void badValuesAreNamed(String key, String value) {
    LarderException e =
        assertThrows(LarderException.class, () -> CsiConfig.of(new ConfigTree(Map.of(key, value))));
    assertEquals(ErrorCode.BAD_CONFIG, e.code());
    assertTrue(String.valueOf(e.getMessage()).contains(key), e.getMessage());
  }
}
