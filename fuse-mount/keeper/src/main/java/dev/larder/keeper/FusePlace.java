package dev.larder.keeper;

import dev.larder.linux.Fd;
import dev.larder.linux.FsContext;
import dev.larder.linux.LinuxException;
import dev.larder.linux.MountEntry;
import dev.larder.linux.MountFd;
import dev.larder.linux.MountTable;
import dev.larder.linux.Unmount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where the FUSE connection is mounted, and the kernel's switches for it. Callers take turns. */
final class FusePlace {
  private static final Path READ_AHEAD = Path.of("/sys/class/bdi");

  private final Places places;
  private final long readAheadBytes;

  FusePlace(Places places, long readAheadBytes) {
    this.places = places;
    this.readAheadBytes = readAheadBytes;
  }

  /** Whether a connection is mounted, dead or alive. */
  boolean isMounted() throws IOException {
    return MountTable.read().top(places.fuse()) != null;
  }

  /** Puts a new connection's mount in the place of what is there. */
  void attach(MountFd mount) throws IOException {
    detach();
    Files.createDirectories(places.fuse());
    mount.attach(places.fuse());
    setReadAhead();
  }

  /** Takes the mount away; overlays keep what they need of it. */
  void detach() throws IOException {
    while (isMounted()) {
      Unmount.lazily(places.fuse());
    }
  }

  /** The mount's root: opening it asks no server. */
  Fd root() throws LinuxException {
    return Fd.openDirectory(places.fuse());
  }

  /**
   * Makes the kernel forget every inode nobody uses. Without flags, so that it changes nothing
   * where the mount was taken away in between and another file system answers.
   */
  void dropNames() throws LinuxException {
    try (Fd root = root();
        FsContext context = FsContext.pick(root)) {
      FsContext unused = context.reconfigure();
    }
  }

  private void setReadAhead() {
    if (readAheadBytes == 0) {
      return;
    }
    try {
      MountEntry entry = MountTable.read().top(places.fuse());
      if (entry != null) {
        Path file = READ_AHEAD.resolve(entry.device()).resolve("read_ahead_kb");
        Files.writeString(file, Long.toString(readAheadBytes >> 10));
      }
    } catch (IOException e) {
      // Slower, not wrong: /sys is read-only in some containers.
      Log.warn("mount.read-ahead cannot be set: " + e);
    }
  }

  /** Ends the mounted connection: whatever waits for it fails, now and from now on. */
  void abort() throws IOException {
    MountEntry entry = MountTable.read().top(places.fuse());
    if (entry == null) {
      return;
    }
    // fusectl is mounted on few hosts; a mount of our own shows the same.
    if (MountTable.read().top(places.control()) == null) {
      Files.createDirectories(places.control());
      try (FsContext context = FsContext.open("fusectl");
          MountFd mount = context.string("source", "larder").create().mount(MountFd.NO_EXEC)) {
        mount.attach(places.control());
      }
    }
    String device = entry.device();
    String number = device.substring(device.indexOf(':') + 1);
    Files.writeString(places.control().resolve(number).resolve("abort"), "1");
  }
}
