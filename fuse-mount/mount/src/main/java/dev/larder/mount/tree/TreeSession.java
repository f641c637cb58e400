package dev.larder.mount.tree;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jnr.ffi.Pointer;
import jnr.ffi.byref.IntByReference;
import jnr.ffi.byref.PointerByReference;
import org.jspecify.annotations.Nullable;

/** Makes libfuse's objects for one mount, and frees them when its last thread ended. */
final class TreeSession {
  /** The catalog never changes, so the kernel may keep what it was told: 30 years in seconds. */
  private static final long FOREVER = 1_000_000_000;

  private TreeSession() {}

  /** Mounts; the loop is not started. */
  static TreeLoop open(LibFuse lib, Path target, TreeSpec spec, TreeOps ops, NativeOps natives) {
    String[] arguments = {"larder", "-f", "-o", options(spec), target.toString()};
    PointerByReference mountpoint = new PointerByReference();
    @Nullable Pointer fuse =
        lib.fuse_setup(
            arguments.length,
            arguments,
            natives.table(),
            natives.tableBytes(),
            mountpoint,
            new IntByReference(),
            null);
    if (fuse == null) {
      throw new LarderException(
          ErrorCode.MOUNT_FAILED,
          "libfuse refused to mount at " + target + "; it said why on standard error");
    }
    Pointer session = lib.fuse_get_session(fuse);
    lib.fuse_remove_signal_handlers(session);
    Pointer channel = lib.fuse_session_next_chan(session, null);
    return new TreeLoop(
        lib,
        session,
        channel,
        spec.config().threadsMax(),
        () -> {
          lib.fuse_unmount(target.toString(), channel);
          lib.fuse_destroy(fuse);
          lib.free(mountpoint.getValue());
          ops.close();
          natives.ended();
        });
  }

  /**
   * Reads ahead that the kernel may have waiting. Its own bound is 12, and a dozen that wait for an
   * origin would stop the reads of all other files; but some threads are left for what is no
   * reading ahead.
   */
  private static int background(TreeConfig config) {
    return Math.max(1, config.threadsMax() / 2);
  }

  private static String options(TreeSpec spec) {
    List<String> options =
        new ArrayList<>(
            List.of(
                "ro",
                "nosuid",
                "nodev",
                "default_permissions",
                "use_ino",
                "kernel_cache",
                "entry_timeout=" + FOREVER,
                "negative_timeout=" + FOREVER,
                "attr_timeout=" + FOREVER,
                "max_background=" + background(spec.config()),
                "congestion_threshold=" + background(spec.config()),
                "fsname=" + spec.label()));
    if (System.getProperty("os.name").equals("Linux")) {
      options.add("subtype=larder");
    }
    if (spec.allowOther()) {
      options.add("allow_other");
    }
    if (spec.noExec()) {
      options.add("noexec");
    }
    return String.join(",", options);
  }
}
