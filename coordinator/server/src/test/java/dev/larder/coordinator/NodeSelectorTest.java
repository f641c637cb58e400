package dev.larder.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberState;
import dev.larder.coordinator.api.NodeSelector;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Which nodes a selector means. */
class NodeSelectorTest {
  private static final List<MemberInfo> MEMBERS =
      List.of(
          member("gpu-1", "a", "gpu", MemberState.ACTIVE),
          member("gpu-2", "a", "gpu", MemberState.JOINING),
          member("gpu-3", "b", "gpu", MemberState.ACTIVE),
          member("cpu-1", "b", "cpu", MemberState.ACTIVE),
          member("cpu-2", "b", "cpu", MemberState.DRAINING));

  private static MemberInfo member(String id, String zone, String pool, MemberState state) {
    return new MemberInfo(
        id, id + ":1", zone, Map.of("pool", pool), 1, Instant.EPOCH, Instant.EPOCH, state, 1);
  }

  private static Set<String> of(String selector) {
    return NodeSelector.parse(selector).of(MEMBERS, "wu-1");
  }

  @Test
  void namesZonesAndLabelsNarrowAndOneTermOfAKindIsEnough() {
    assertEquals(Set.of("gpu-1", "gpu-2", "gpu-3", "cpu-1"), of("all"));
    assertEquals(Set.of("gpu-1", "cpu-1"), of("gpu-1,cpu-1"));
    assertEquals(Set.of("gpu-1", "gpu-2", "gpu-3"), of("gpu-*"));
    assertEquals(Set.of("gpu-1", "cpu-1"), of("?pu-1"));
    assertEquals(Set.of("gpu-3", "cpu-1"), of("zone=b"));
    assertEquals(Set.of("gpu-3"), of("zone=b, pool=gpu"));
    assertEquals(Set.of("gpu-1", "gpu-2", "gpu-3", "cpu-1"), of("zone=a,zone=b"));
    assertEquals(Set.of(), of("rack=*"));
    assertEquals(Set.of(), of("cpu-2"));
    assertEquals(Set.of("gpu-3"), of("gpu.3,gpu-3"), "a dot is a dot");
  }

  @Test
  void aNumberTakesSoManyAndOneThatGoesMovesOneOnly() {
    assertEquals(3, of("3,pool=gpu").size());
    assertEquals(4, of("9").size());
    for (int n = 0; n < 200; n++) {
      String purpose = "wu-" + n;
      Set<String> two = NodeSelector.parse("2").of(MEMBERS, purpose);
      assertEquals(2, two.size());
      for (String gone : two) {
        List<MemberInfo> left = new ArrayList<>(MEMBERS);
        left.removeIf(member -> member.id().equals(gone));
        Set<String> then = NodeSelector.parse("2").of(left, purpose);
        assertEquals(2, then.size());
        assertTrue(
            two.stream().filter(id -> !id.equals(gone)).allMatch(then::contains),
            () -> purpose + " " + two + " " + then);
      }
    }
    long differing =
        java.util.stream.IntStream.range(0, 200)
            .mapToObj(n -> NodeSelector.parse("1").of(MEMBERS, "wu-" + n))
            .distinct()
            .count();
    assertEquals(4, differing, "jobs are spread");
  }

  @Test
  void whatIsNoSelectorIsRefused() {
    for (String bad : List.of("", ",", "a,,b", "=x", "0", "1,2", "a".repeat(5_000))) {
      LarderException e = assertThrows(LarderException.class, () -> NodeSelector.parse(bad), bad);
      assertEquals(ErrorCode.BAD_REQUEST, e.code());
    }
  }
}
