package dev.larder.cli;

import dev.larder.cli.DoctorCommand.Check;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What this kernel and this user can and cannot do for mounts, and what that costs. */
final class MountChecks {
  private static final Pattern VERSION = Pattern.compile("(\\d+)\\.(\\d+).*");
  private static final int SYS_ADMIN_BIT = 21;

  private MountChecks() {}

  static List<Check> all() {
    List<Check> checks = new ArrayList<>();
    Optional<int[]> kernel = kernel();
    checks.add(kernel(kernel));
    checks.add(device());
    checks.add(privilege());
    checks.add(fileSystems());
    checks.add(tree());
    return checks;
  }

  private static Optional<int[]> kernel() {
    Matcher matcher = VERSION.matcher(System.getProperty("os.version", ""));
    boolean isLinux = System.getProperty("os.name", "").equals("Linux");
    return isLinux && matcher.matches()
        ? Optional.of(
            new int[] {Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2))})
        : Optional.empty();
  }

  private static Check kernel(Optional<int[]> version) {
    String name = "mount: kernel";
    if (version.isEmpty()) {
      return new Check(
          name, "warn", "not Linux: tree mounts only, which end with the agent and are slower");
    }
    String text = System.getProperty("os.version");
    if (isBelow(version.get(), 6, 5)) {
      return new Check(
          name,
          "warn",
          text + ": below 6.5 there are tree mounts only, which end with the agent and are slower");
    }
    if (isBelow(version.get(), 6, 9)) {
      return new Check(
          name,
          "ok",
          text
              + ": no passthrough before 6.9; files that fill while they are open are read through"
              + " the agent until the last close");
    }
    return new Check(name, "ok", text + ": kernel mounts with passthrough");
  }

  private static boolean isBelow(int[] version, int major, int minor) {
    return version[0] < major || (version[0] == major && version[1] < minor);
  }

  private static Check device() {
    String name = "mount: /dev/fuse";
    Path device = Path.of("/dev/fuse");
    if (!Files.exists(device)) {
      return new Check(name, "fail", "absent: no mounts; load it with modprobe fuse");
    }
    return Files.isReadable(device) && Files.isWritable(device)
        ? new Check(name, "ok", "usable")
        : new Check(name, "fail", "not usable by this user: no mounts; chmod 666 /dev/fuse");
  }

  private static Check privilege() {
    String name = "mount: privilege";
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith("CapEff:")) {
          long caps = Long.parseUnsignedLong(line.substring("CapEff:".length()).strip(), 16);
          return (caps >> SYS_ADMIN_BIT & 1) == 1
              ? new Check(name, "ok", "CAP_SYS_ADMIN: kernel mounts, which outlive the agent")
              : new Check(
                  name,
                  "warn",
                  "no CAP_SYS_ADMIN: tree mounts only, which end with the agent and are slower");
        }
      }
    } catch (IOException | NumberFormatException e) {
      return new Check(name, "warn", "cannot read /proc/self/status: " + e.getMessage());
    }
    return new Check(name, "warn", "/proc/self/status does not tell the capabilities");
  }

  private static Check fileSystems() {
    String name = "mount: file systems";
    try {
      List<String> known =
          Files.readAllLines(Path.of("/proc/filesystems")).stream()
              .map(line -> line.substring(line.indexOf('\t') + 1).strip())
              .toList();
      List<String> missing =
          Arrays.stream(new String[] {"erofs", "overlay", "fuse"})
              .filter(each -> !known.contains(each))
              .toList();
      if (!Files.exists(Path.of("/dev/loop-control"))) {
        return new Check(name, "warn", "no loop devices: modprobe loop");
      }
      // A module that is not loaded yet is not listed; the first mount loads it.
      return missing.isEmpty()
          ? new Check(name, "ok", "erofs, overlay, fuse and loop are there")
          : new Check(
              name, "warn", "not loaded: " + missing + "; modprobe " + String.join(" ", missing));
    } catch (IOException e) {
      return new Check(name, "warn", "cannot read /proc/filesystems: " + e.getMessage());
    }
  }

  private static Check tree() {
    String name = "mount: libfuse 2";
    boolean hasLibrary =
        List.of("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib").stream()
            .anyMatch(MountChecks::hasLibFuse);
    boolean hasHelper =
        Arrays.stream(System.getenv().getOrDefault("PATH", "/usr/bin:/bin").split(":"))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, "fusermount")));
    return hasLibrary && hasHelper
        ? new Check(name, "ok", "tree mounts are possible")
        : new Check(
            name,
            "warn",
            (hasLibrary ? "no fusermount" : "no libfuse.so.2")
                + ": no tree mounts; Debian: apt-get install fuse");
  }

  private static boolean hasLibFuse(String folder) {
    try (var entries = Files.find(Path.of(folder), 2, (path, any) -> isLibFuse(path))) {
      return entries.findAny().isPresent();
    } catch (IOException | java.io.UncheckedIOException e) {
      // A folder that cannot be looked at holds nothing for us.
      return false;
    }
  }

  private static boolean isLibFuse(Path path) {
    return String.valueOf(path.getFileName()).startsWith("libfuse.so.2");
  }
}
