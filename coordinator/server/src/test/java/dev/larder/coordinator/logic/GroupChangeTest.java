package dev.larder.coordinator.logic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class GroupChangeTest {
  private static final SortedMap<String, String> THREE =
      new TreeMap<>(Map.of("c1", "a:1", "c2", "b:1", "c3", "c:1"));

  @Test
  void oneTakesAnothersPlaceAndARepeatChangesNothing() {
    SortedMap<String, String> then = GroupChange.of(THREE, "c2", "c4", "d:1");
    assertEquals(Map.of("c1", "a:1", "c3", "c:1", "c4", "d:1"), then);
    assertEquals(then, GroupChange.of(then, "c2", "c4", "d:1"));
    // At the dead one's address, under an id of its own.
    assertEquals(
        Map.of("c1", "a:1", "c3", "c:1", "c4", "b:1"), GroupChange.of(THREE, "c2", "c4", "b:1"));
    assertEquals(4, GroupChange.of(THREE, "", "c4", "d:1").size());
    assertEquals(THREE, GroupChange.of(GroupChange.of(THREE, "", "c4", "d:1"), "c4", "", ""));
  }

  @Test
  void refusesWhatWouldBreakTheGroupAndSaysWhy() {
    refused("there is no coordinator \"c9\"; there are [c1, c2, c3]", "c9", "c4", "d:1");
    refused("there is no coordinator \"c9\"; there are [c1, c2, c3]", "c9", "", "");
    refused("of 3 coordinators none is removed", "c2", "", "");
    refused("must not come back as \"c2\"", "c2", "c2", "d:1");
    refused("coordinator \"c3\" is there already, at c:1", "c2", "c3", "d:1");
    refused("coordinator \"c1\" is there already, at a:1", "", "c1", "d:1");
    refused("a:1 is the address of coordinator \"c1\"", "c2", "c4", "a:1");
  }

  private static void refused(String why, String remove, String add, String address) {
    LarderException refusal =
        assertThrows(LarderException.class, () -> GroupChange.of(THREE, remove, add, address));
    assertEquals(ErrorCode.BAD_REQUEST, refusal.code());
    assertTrue(String.valueOf(refusal.getMessage()).contains(why), refusal.toString());
  }
}
