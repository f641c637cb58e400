package dev.larder.mount.tree;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.erofs.Catalog;
import dev.larder.mount.contract.Content;
import dev.larder.mount.contract.ContractTree;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the host lacks is said with the way to get it; targets are checked before anything. */
final class TreeHostTest {
  @TempDir Path temp;

  @Test
  void whatIsMissingIsNamed() {
    TreeFixture.requireSupport();
    TreeHost host = TreeHost.ofThisMachine();
    assertUnsupported(
        "apt-get install fuse libfuse2",
        new TreeHost(
            host.device(), host.fuseConf(), host.searchPath(), List.of("libno-such-fuse.so.2")));
    assertUnsupported(
        "modprobe fuse",
        new TreeHost(temp.resolve("fuse"), host.fuseConf(), host.searchPath(), host.libraries()));
    assertUnsupported(
        "fusermount is missing",
        new TreeHost(host.device(), host.fuseConf(), List.of(temp), host.libraries()));
  }

  @Test
  void aLibraryThatIsNotFuse2IsRefused() {
    TreeFixture.requireSupport();
    TreeHost host = TreeHost.ofThisMachine();
    assertUnsupported(
        "libfuse 2 is missing",
        new TreeHost(host.device(), host.fuseConf(), host.searchPath(), List.of("libc.so.6")));
  }

  private void assertUnsupported(String hint, TreeHost host) {
    LarderException fault = assertThrows(LarderException.class, () -> host.require(false));
    assertEquals(ErrorCode.UNSUPPORTED, fault.code());
    assertTrue(fault.getMessage().contains(hint), fault.getMessage());
  }

  @Test
  void targetsAreChecked() throws Exception {
    TreeFixture.requireSupport();
    ContractTree tree = ContractTree.ofFiles(Map.of("a", Content.of(1, 1)));
    Path image = temp.resolve("image");
    tree.writeCatalog(image, temp);
    try (Catalog catalog = Catalog.open(image)) {
      for (Path target : List.of(temp.resolve("none"), image, temp)) {
        TreeSpec spec =
            new TreeSpec(
                target,
                "larder:test@1",
                catalog,
                TreeFixture.inMemory(tree.blobs()),
                false,
                false,
                TreeConfig.defaults());
        LarderException fault =
            assertThrows(LarderException.class, () -> TreeMount.mount(spec).close());
        assertEquals(ErrorCode.BAD_REQUEST, fault.code());
        assertTrue(fault.getMessage().contains(target.toString()), fault.getMessage());
      }
    }
  }

  @Test
  void labelsCannotBreakTheOptions() throws Exception {
    Path image = temp.resolve("image");
    ContractTree.ofFiles(Map.of("a", Content.of(1, 1))).writeCatalog(image, temp);
    try (Catalog catalog = Catalog.open(image)) {
      for (String label : List.of("a,allow_other", "", "a b", "a\\")) {
        assertThrows(
            IllegalArgumentException.class,
            () ->
                new TreeSpec(
                    temp, label, catalog, node -> null, false, false, TreeConfig.defaults()));
      }
    }
  }

  @Test
  void theMountTableIsRead() {
    List<String> table =
        List.of(
            "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw",
            "40 22 0:39 / /mnt/a\\040b ro,nosuid - fuse.larder larder:x@1 ro,user_id=0",
            "41 22 0:40 / /mnt/a\\040b ro master:3 propagate_from:2 - overlay over ro");
    assertEquals(
        Optional.of(new MountLine(40, "overlay", "over")), MountLine.find(table, "/mnt/a b"));
    assertEquals(
        Optional.of(new MountLine(39, "fuse.larder", "larder:x@1")),
        MountLine.find(table.subList(0, 2), "/mnt/a b"));
    assertEquals(Optional.empty(), MountLine.find(table, "/mnt/a"));
    assertTrue(Files.exists(Path.of("/proc/self/mountinfo")));
  }

  @Test
  void boundsAreChecked() {
    for (int[] bad : new int[][] {{3, 1, 1}, {4, 0, 1}, {4, 1, 0}}) {
      LarderException fault =
          assertThrows(LarderException.class, () -> new TreeConfig(bad[0], bad[1], bad[2]));
      assertEquals(ErrorCode.BAD_CONFIG, fault.code());
      assertTrue(fault.getMessage().startsWith("mount.tree-"), fault.getMessage());
    }
  }
}
