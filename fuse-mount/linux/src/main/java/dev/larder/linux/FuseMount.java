package dev.larder.linux;

/**
 * How a FUSE file system is mounted.
 *
 * @param source shown as the mount's source
 * @param subtype shown after {@code fuse.}
 * @param rootMode permission bits of the root directory until the server says otherwise
 * @param allowOther whether users other than the mounting one may enter
 * @param defaultPermissions whether the kernel checks modes; always wanted with allowOther
 * @param maxReadBytes largest read request
 */
public record FuseMount(
    String source,
    String subtype,
    int rootMode,
    boolean allowOther,
    boolean defaultPermissions,
    int maxReadBytes) {
  private static final int S_IFDIR = 040000;
  private static final int ATTRIBUTES = MountFd.READ_ONLY | MountFd.NO_SUID | MountFd.NO_DEV;

  /**
   * Mounts; the kernel's INIT request then waits in the device, and whoever enters waits for its
   * answer.
   *
   * @param device freshly opened
   * @return attached nowhere yet; read-only, nosuid, nodev
   */
  public MountFd of(FuseDevice device) throws LinuxException {
    try (FsContext context = FsContext.open("fuse")) {
      context
          .string("source", source)
          .string("subtype", subtype)
          .string("fd", Integer.toString(device.fd().number()))
          .string("rootmode", Integer.toOctalString(S_IFDIR | rootMode))
          .string("user_id", "0")
          .string("group_id", "0")
          .string("max_read", Integer.toString(maxReadBytes))
          .flag("ro");
      if (allowOther) {
        context.flag("allow_other");
      }
      if (defaultPermissions) {
        context.flag("default_permissions");
      }
      return context.create().mount(ATTRIBUTES);
    }
  }
}
