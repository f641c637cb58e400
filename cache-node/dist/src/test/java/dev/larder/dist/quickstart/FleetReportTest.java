package dev.larder.dist.quickstart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.dist.quickstart.FleetReport.Node;
import dev.larder.dist.quickstart.QuickstartReport.Phase;
import java.util.List;
import org.junit.jupiter.api.Test;

/** When the quickstart of a cluster is content. */
class FleetReportTest {
  private static final Node ONE = new Node("node-1", 2000, 300, 700, 3000);
  private static final Node TWO = new Node("node-2", 2000, 700, 300, 3000);

  @Test
  void isContentWhenTheOriginSentEachByteOnceAndAllAddsUp() {
    assertEquals(List.of(), report(1000, 0, ONE, TWO).faults());
    assertTrue(report(1000, 0, ONE, TWO).passed());
    Node again = new Node("node-2", 2000, 700, 310, 3000);
    assertEquals(List.of(), report(1010, 0, ONE, again).faults());
  }

  @Test
  void namesWhatCameTwiceAndWhatDoesNotAddUp() {
    assertEquals(
        List.of(
            "the origin sent 1011 bytes of 1000",
            "nodes counted 1000 bytes from the origin, which sent 1011"),
        report(1011, 0, ONE, TWO).faults());
    assertEquals(List.of("the origin sent 999 bytes of 1000"), report(999, 0, ONE, TWO).faults());
    assertEquals(
        List.of("files differ, or a later phase asked the origin"),
        report(1000, 1, ONE, TWO).faults());
    assertEquals(
        List.of("node-2 counted 3031 bytes, its readers got 3000"),
        report(1000, 0, ONE, new Node("node-2", 2000, 731, 300, 3000)).faults());
    assertEquals(
        List.of("node-2 counted 2999 bytes, its readers got 3000"),
        report(1000, 0, ONE, new Node("node-2", 1999, 700, 300, 3000)).faults());
  }

  private static FleetReport report(long cold, long warm, Node... nodes) {
    List<Phase> phases =
        List.of(new Phase("cold", 1, 2000, cold, 2), new Phase("warm", 1, 2000, warm, warm));
    return new FleetReport(new QuickstartReport(3, 1000, 0, phases), List.of(nodes));
  }
}
