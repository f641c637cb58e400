package dev.larder.csi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class VolumeAttributesTest {
  private static final List<String> ALLOWED = List.of("s3://open/", "https://data.example/x/");

  @Test
  void whatAnybodyMaySayIsTaken() {
    VolumeAttributes all =
        inline(
            Map.of(
                "dataset", "data",
                "snapshot", "3",
                "subPath", "a//b/",
                "warm", "*.json,{a,b}/**, c",
                "waitForWarm", "true",
                "csi.storage.k8s.io/pod.name", "pod",
                "storage.kubernetes.io/csiProvisionerIdentity", "x"));
    assertEquals("data@3", all.snapshot().orElseThrow().toString());
    assertEquals("a/b", all.subPath());
    assertEquals(List.of("*.json", "{a,b}/**", "c"), all.warm());
    assertTrue(all.waitForWarm());
    assertEquals(List.of(), inline(Map.of("dataset", "d", "warm", "metadata")).warm());
    assertEquals(List.of(""), inline(Map.of("dataset", "d", "warm", "all")).warm());
    assertTrue(inline(Map.of("dataset", "d", "follow", "true")).follow());
    assertEquals("d@7", inline(Map.of("dataset", "d@7")).snapshot().orElseThrow().toString());
  }

  @Test
  void anAdministratorsHandleIsTheDatasetWithoutAttributes() {
    assertEquals("d@2", persistent("d@2", Map.of()).snapshot().orElseThrow().toString());
    assertEquals("e", persistent("d", Map.of("dataset", "e")).snapshot().orElseThrow().toString());
    refused("dataset is missing", () -> inline(Map.of()));
    refused("attribute dataset", () -> persistent("No_Dataset", Map.of()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "endpoint",
        "region",
        "path-style",
        "versions",
        "credentials",
        "check-md5",
        "manifest",
        "account",
        "connection-string",
        "account-key",
        "sas"
      })
  void optionsOfOriginsAreAdministrators(String option) {
    String key = "origin." + option;
    refused(key, () -> inline(Map.of("dataset", "d", key, "x")));
    refused(key, () -> inline(Map.of("origin", "s3://open/a", key, "x")));
    Map<String, String> options =
        persistent("h", Map.of("origin", "s3://b/p", key, "x"))
            .origin()
            .orElseThrow()
            .options()
            .values();
    assertEquals(Map.of(option, "x"), options);
    refused("without origin", () -> persistent("h", Map.of(key, "x")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "s3://closed/x",
        "file:///etc",
        "/etc",
        "s3://open",
        "s3://open.other/x",
        "http://169.254.169.254/latest",
        "https://data.example/y",
        "S3://open/x",
        "https://data.example/x/../secret",
        "https://data.example/x/..",
        "https://data.example/x/./y",
        "https://data.example/x/%2e%2E/secret",
        "https://data.example/x/..%2Fsecret",
        "https://data.example/x/..\\secret",
        "https://data.example/x/a?list=/secret",
        "https://data.example/x/a#b",
        "https://data.example/x/a b",
        "https://data.example/x/a\r\nHost: other"
      })
  void podsNameOnlyOriginsThatAreAllowed(String uri) {
    refused("only an administrator", () -> inline(Map.of("origin", uri)));
    assertTrue(persistent("h", Map.of("origin", uri)).origin().isPresent());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"s3://open/", "s3://open/a/b", "https://data.example/x/y", "s3://open/a..b/...c"})
  void allowedOriginsArePods(String uri) {
    assertEquals(uri, inline(Map.of("origin", uri)).origin().orElseThrow().uri());
  }

  @ParameterizedTest
  @ValueSource(strings = {"csi-0123456789abcdef0123456789abcdef", "vol-pvc-1", "vol-pvc-1@2"})
  void datasetsOfOtherVolumesCannotBeNamedByPods(String name) {
    refused("cannot be named here", () -> inline(Map.of("dataset", name)));
    assertTrue(persistent("h", Map.of("dataset", name)).snapshot().isPresent());
  }

  @ParameterizedTest
  @CsvSource({
    "colour, red, colour",
    "Dataset, d, Dataset",
    "origin.colour, red, origin.colour",
    "snapshot, 0, snapshot",
    "snapshot, -1, snapshot",
    "snapshot, 99999999999999999999, snapshot",
    "subPath, /a, subPath",
    "subPath, a/../b, subPath",
    "subPath, ./a, subPath",
    "follow, yes, follow",
    "waitForWarm, TRUE, waitForWarm",
  })
  void whatIsWrongIsNamed(String key, String value, String named) {
    refused(named, () -> persistent("d", Map.of(key, value)));
  }

  @Test
  void whatExcludesItselfIsRefused() {
    refused("exclude", () -> persistent("h", Map.of("dataset", "d", "origin", "s3://b/p")));
    refused("follow", () -> persistent("d", Map.of("follow", "true", "snapshot", "1")));
    refused("follow", () -> persistent("d@1", Map.of("follow", "true")));
    refused("subPath", () -> persistent("d", Map.of("follow", "true", "subPath", "a")));
    refused("another one", () -> persistent("d@1", Map.of("snapshot", "2")));
    refused("more than 4096", () -> persistent("d", Map.of("warm", "a".repeat(4097))));
    refused("NUL", () -> persistent("d", Map.of("subPath", "a\u0000b")));
    refused("warm", () -> persistent("d", Map.of("warm", "a,".repeat(33))));
  }

  @Test
  void fingerprintsTellRequestsApart() {
    Map<String, String> base = Map.of("dataset", "d");
    String before = inline(base).fingerprint();
    assertEquals(before, inline(with(base, "csi.storage.k8s.io/x", "1")).fingerprint());
    for (String other : List.of("snapshot=1", "subPath=a", "follow=true", "warm=all")) {
      String[] pair = other.split("=");
      assertNotEquals(before, inline(with(base, pair[0], pair[1])).fingerprint(), other);
    }
  }

  private static Map<String, String> with(Map<String, String> base, String key, String value) {
    Map<String, String> all = new HashMap<>(base);
    all.put(key, value);
    return all;
  }

  private static VolumeAttributes inline(Map<String, String> attributes) {
    return VolumeAttributes.parse(attributes, "csi-" + "0".repeat(64), true, ALLOWED);
  }

  private static VolumeAttributes persistent(String handle, Map<String, String> attributes) {
    return VolumeAttributes.parse(attributes, handle, false, ALLOWED);
  }

  private static void refused(String part, Runnable call) {
    StatusRuntimeException e = assertThrows(StatusRuntimeException.class, call::run);
    assertEquals(Code.INVALID_ARGUMENT, e.getStatus().getCode());
    assertTrue(String.valueOf(e.getStatus().getDescription()).contains(part), e.toString());
  }
}
