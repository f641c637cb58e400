package dev.larder.linux;

/** How the kernel is told the layers of an overlay. */
public enum OverlayStyle {
  /** One option a layer, {@code lowerdir+} and {@code datadir+}: Linux 6.8. */
  APPENDED,
  /** All layers in one {@code lowerdir} of at most 255 bytes: Linux 6.5. */
  JOINED;

  /** The best this kernel knows; it need not know data-only layers at all. */
  public static OverlayStyle probe() throws LinuxException {
    try (FsContext context = FsContext.open("overlay")) {
      context.string("lowerdir+", "/");
      return APPENDED;
    } catch (LinuxException e) {
      if (e.call().equals("fsconfig") && e.errno() == Errno.EINVAL) {
        return JOINED;
      }
      throw e;
    }
  }
}
