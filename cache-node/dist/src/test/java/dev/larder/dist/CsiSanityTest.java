package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.client.LarderClient;
import dev.larder.testkit.Needs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The official suite of CSI drivers (kubernetes-csi/csi-test) against a whole node. */
class CsiSanityTest {
  private static final int MINUTES_MAX = 4;
  private static final int PASSED_MIN = 25;

  /** In the suite itself. */
  private static final int PENDING_MAX = 1;

  private static final Pattern SKIPPED =
      Pattern.compile("<skipped message=\"skipped(?: - )?([^\"]*)\"");
  private static final Pattern CASE = Pattern.compile("<testcase [^>]*status=\"(\\w+)\"");

  /*
   * Capabilities that are not advertised, and why.
   *
   * ControllerPublish, Expand, Modify, snapshots, cloning: a volume is a read-only view of what an
   * origin has; there is nothing to attach, to grow or to copy.
   * NodeStage: what pods share is the snapshot's one overlay, which the keeper holds.
   * Health: alpha in 1.13, with no stable kubelet that calls it.
   * Single node multi writer: nobody writes.
   * Attach limit: an option of the suite for ControllerPublish.
   */
  private static final Set<String> ALLOWED =
      Set.of(
          "ControllerPublishVolume not supported",
          "Controller Publish, UnpublishVolume not supported",
          "ControllerUnpublishVolume not supported",
          "ControllerExpandVolume not supported",
          "ControllerModifyVolume not supported",
          "Modify volume not supported",
          "Modify Volume not supported",
          "Snapshot not supported",
          "Volume Cloning not supported",
          "ListSnapshots not supported",
          "GetSnapshot not supported",
          "CreateSnapshot not supported",
          "DeleteSnapshot not supported",
          "GroupControllerService not supported",
          "VolumeGroupSnapshots not supported",
          "NodeStageVolume not supported",
          "NodeUnstageVolume not supported",
          "NodeExpandVolume not supported",
          "NodeGetVolumeHealth not supported",
          "NodeGetStorageHealth not supported",
          "ControllerGetVolumeHealth not supported",
          "ControllerListVolumeHealth not supported",
          "Service does not have single node multi writer capability");

  @TempDir Path directory;

  @Test
  void nothingFailsAndOnlyWhatIsNotAdvertisedIsSkipped() throws Exception {
    Needs.root();
    String suite = System.getenv("LARDER_CSI_SANITY");
    Path program =
        suite == null || suite.isEmpty()
            ? Path.of(String.valueOf(System.getenv("LARDER_TOOLS")), "csi-sanity/csi-sanity")
            : Path.of(suite);
    Needs.that(Files.isExecutable(program), "csi-sanity is not installed; ./verify installs it");
    try (CsiNode csi = CsiNode.start(directory)) {
      Path parameters = directory.resolve("parameters.yaml");
      Files.writeString(parameters, "origin: " + csi.source.toUri() + "\nwarm: metadata\n");
      Path report = directory.resolve("report.xml");
      Path output = directory.resolve("output");
      Process run =
          new ProcessBuilder(
                  program.toString(),
                  "--csi.endpoint=unix://" + csi.socket,
                  "--csi.mountdir=" + csi.pods.resolve("sanity"),
                  "--csi.stagingdir=" + csi.pods.resolve("staging"),
                  "--csi.testvolumeparameters=" + parameters,
                  "--ginkgo.no-color",
                  "--ginkgo.junit-report=" + report)
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      try {
        assertTrue(run.waitFor(MINUTES_MAX, TimeUnit.MINUTES), "it does not end");
      } finally {
        run.destroyForcibly().waitFor();
      }
      assertEquals(0, run.exitValue(), () -> tail(output) + csi.log());
      check(Files.readString(report));
      assertEquals(List.of(), csi.mounts());
      try (LarderClient client = csi.node.connect()) {
        assertEquals(1, client.control().datasets().size(), "created volumes are deleted");
      }
    }
  }

  private static void check(String report) {
    Set<String> reasons = new TreeSet<>();
    int explained = 0;
    Matcher skipped = SKIPPED.matcher(report);
    while (skipped.find()) {
      reasons.add(skipped.group(1).strip());
      explained++;
    }
    reasons.removeAll(ALLOWED);
    assertEquals(Set.of(), reasons);
    Map<String, Integer> counts = new TreeMap<>();
    Matcher cases = CASE.matcher(report);
    while (cases.find()) {
      counts.merge(cases.group(1), 1, Integer::sum);
    }
    assertTrue(
        Set.of("passed", "skipped", "pending").containsAll(counts.keySet()), counts.toString());
    assertEquals(
        counts.getOrDefault("skipped", 0), explained, "each skip has a reason that was looked at");
    assertTrue(counts.getOrDefault("pending", 0) <= PENDING_MAX, counts.toString());
    int passed = counts.getOrDefault("passed", 0);
    assertTrue(passed >= PASSED_MIN, passed + " passed");
    System.out.println("csi-sanity: " + counts);
  }

  private static String tail(Path output) {
    try {
      String text = Files.readString(output);
      return text.substring(Math.max(0, text.length() - 6000));
    } catch (java.io.IOException e) {
      return e.toString();
    }
  }
}
