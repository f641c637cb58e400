package dev.larder.mount;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Directories that nothing is mounted over, as the host, or this node, would not survive it. Pure.
 */
final class TargetRules {
  /** Kernel interfaces: whoever mounts over them, or inside them, takes them from every process. */
  private static final List<Path> KERNEL =
      List.of(Path.of("/proc"), Path.of("/sys"), Path.of("/dev"));

  /** What a host runs on; directories inside are fine. */
  private static final Set<Path> SYSTEM =
      Set.of(
          Path.of("/"),
          Path.of("/bin"),
          Path.of("/boot"),
          Path.of("/etc"),
          Path.of("/home"),
          Path.of("/lib"),
          Path.of("/lib64"),
          Path.of("/root"),
          Path.of("/run"),
          Path.of("/sbin"),
          Path.of("/tmp"),
          Path.of("/usr"),
          Path.of("/usr/bin"),
          Path.of("/usr/lib"),
          Path.of("/usr/sbin"),
          Path.of("/var"),
          Path.of("/var/lib"),
          Path.of("/var/run"));

  private TargetRules() {}

  /**
   * Why nothing is mounted at a directory; empty if it may be.
   *
   * @param target without links
   * @param own directories of this node, without links
   */
  static Optional<String> refusal(Path target, List<Path> own) {
    for (Path mine : own) {
      if (target.startsWith(mine)) {
        return Optional.of("lies inside Larder's own " + mine);
      }
      if (mine.startsWith(target)) {
        return Optional.of("would hide Larder's own " + mine);
      }
    }
    if (KERNEL.stream().anyMatch(target::startsWith)) {
      return Optional.of("belongs to the kernel; make a directory elsewhere, such as /mnt/data");
    }
    if (SYSTEM.contains(target)) {
      return Optional.of("is needed by the host; make a directory in it, or elsewhere");
    }
    return Optional.empty();
  }
}
