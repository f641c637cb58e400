package dev.larder.mount;

import dev.larder.mount.contract.MountContract;
import java.nio.file.Files;
import java.nio.file.Path;

/** The written list on kernel mounts as a node makes them. */
abstract class KernelContract extends MountContract {
  @Override
  protected final void requireHost() throws Exception {
    String known = Files.readString(Path.of("/proc/filesystems"));
    require(
        known.contains("erofs") && known.contains("overlay") && Files.exists(Path.of("/dev/fuse")),
        "the kernel lacks EROFS, overlay or FUSE");
  }
}
