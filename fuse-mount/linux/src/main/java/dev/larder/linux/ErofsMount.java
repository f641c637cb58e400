package dev.larder.linux;

/** Mounts EROFS images. */
public final class ErofsMount {
  private static final int ATTRIBUTES = MountFd.READ_ONLY | MountFd.NO_SUID | MountFd.NO_DEV;

  private ErofsMount() {}

  /**
   * Mounts an image through a loop device of its own, which goes with the mount. (A mount of the
   * file itself trips a warning of Linux 6.12 and later on ext4.)
   *
   * @param image readable; may be closed afterwards
   * @return attached nowhere yet; read-only, nosuid, nodev
   * @throws LinuxException EINVAL or EUCLEAN for what is no image, ENODEV without EROFS
   */
  public static MountFd of(Fd image) throws LinuxException {
    try (LoopDevice device = LoopDevice.over(image);
        FsContext context = FsContext.open("erofs")) {
      return context
          .string("source", device.path().toString())
          .flag("ro")
          .create()
          .mount(ATTRIBUTES);
    }
  }
}
