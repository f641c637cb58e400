package dev.larder.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

/** What the table says of members that do not serve this node, and of coordinators. */
class StatusCommandTest {
  private static String table(String peers) {
    return print("{\"peers\":" + peers + "}");
  }

  private static String print(String status) {
    StringWriter text = new StringWriter();
    PrintWriter out = new PrintWriter(text);
    StatusCommand.print(out, Output.parse(status));
    out.flush();
    return text.toString();
  }

  @Test
  void namesWhoIsLeftAndWhy() {
    String table =
        table(
            "{\"wrongBlocks\":2,\"left\":2,\"leftMembers\":[{\"member\":\"a\",\"reason\":\"slow\"},"
                + "{\"member\":\"b\",\"reason\":\"wrong bytes\"}],"
                + "\"silentTrackers\":[{\"member\":\"c\",\"reason\":\"DEADLINE\"}]}");
    assertTrue(table.contains("peers   2 wrong blocks"), table);
    assertTrue(table.contains("        left: a (slow), b (wrong bytes)"), table);
    assertTrue(table.contains("        trackers that do not answer: c (DEADLINE)"), table);
  }

  @Test
  void saysWhatCameFromOtherZones() {
    String table =
        table(
            "{\"bytes\":4294967296,\"farBytes\":1073741824,\"leftMembers\":[],"
                + "\"silentTrackers\":[{\"member\":\"c\",\"reason\":\"DEADLINE\"}]}");
    assertTrue(
        table.contains(
            """

            peers   1.00 GiB of 4.00 GiB from members came from other zones
                    trackers that do not answer: c (DEADLINE)
            """),
        table);
  }

  @Test
  void silentTrackersAloneLeaveNobodyAlone() {
    String table =
        table(
            "{\"wrongBlocks\":0,\"left\":0,\"leftMembers\":[],"
                + "\"silentTrackers\":[{\"member\":\"c\",\"reason\":\"DEADLINE\"}]}");
    assertTrue(table.contains("\npeers   trackers that do not answer: c (DEADLINE)\n"), table);
    assertFalse(table.contains("wrong blocks"), table);
    assertFalse(table.contains("left alone"), table);
  }

  @Test
  void namesWhatEachCoordinatorFoundAmissBelowTheirLine() {
    String table =
        print(
            "{\"coordinator\":{\"state\":\"ok\",\"coordinators\":3,\"leader\":\"c1\",\"term\":7,"
                + "\"causes\":["
                + "{\"coordinator\":\"c2\",\"cause\":\"clock\",\"detail\":\"its clock is off\"},"
                + "{\"coordinator\":\"c3\",\"cause\":\"full\",\"detail\":\"its disk is full\"}]}}");
    assertTrue(
        table.contains(
            """
            coordinator  ok, 3 coordinators, leader c1, term 7
                         c2: its clock is off
                         c3: its disk is full
            cluster  0 nodes\
            """),
        table);
  }

  @Test
  void showsTheWholeCluster() {
    String json =
        "{\"cluster\":{\"members\":4,\"epoch\":9,\"zones\":2,\"capacityBytes\":4294967296,"
            + "\"states\":{\"joining\":0,\"active\":3,\"draining\":1},"
            + "\"usedBytes\":1073741824,\"usedMembers\":%d}}";
    String all = print(json.formatted(4));
    assertTrue(
        all.contains(
            "\ncluster  4 nodes (3 active, 1 draining) in 2 zones, 1.00 GiB of 4.00 GiB used,"
                + " member list 9\n"),
        all);
    String some = print(json.formatted(3));
    assertTrue(some.contains("1.00 GiB of 4.00 GiB used (3 of them said so), member list"), some);
    String none = print(json.formatted(0));
    assertTrue(none.contains("in 2 zones, 4.00 GiB in all, member list 9\n"), none);
  }

  @Test
  void saysNothingWhereAllIsWell() {
    assertFalse(
        table("{\"wrongBlocks\":0,\"left\":0,\"leftMembers\":[],\"silentTrackers\":[]}")
            .contains("peers"));
  }
}
