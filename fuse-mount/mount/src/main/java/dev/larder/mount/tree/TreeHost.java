package dev.larder.mount.tree;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import jnr.ffi.LibraryLoader;

/**
 * What a tree mount needs of the host: libfuse 2, {@code fusermount}, {@code /dev/fuse}. Any
 * thread.
 *
 * @param device the kernel's FUSE device; not looked at on macOS
 * @param fuseConf says whether users without root may let others into their mounts
 * @param searchPath directories with programs
 * @param libraries names to load libfuse by, in this order
 */
record TreeHost(Path device, Path fuseConf, List<Path> searchPath, List<String> libraries) {
  private static final boolean IS_MAC = System.getProperty("os.name").startsWith("Mac");
  private static final boolean IS_LINUX = System.getProperty("os.name").equals("Linux");

  /** This host. */
  static TreeHost ofThisMachine() {
    List<Path> path = new ArrayList<>();
    String set = System.getenv("PATH");
    for (String each : (set == null ? "" : set).split(":")) {
      if (each.startsWith("/")) {
        path.add(Path.of(each));
      }
    }
    for (String each : List.of("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin")) {
      path.add(Path.of(each));
    }
    return new TreeHost(
        Path.of("/dev/fuse"),
        Path.of("/etc/fuse.conf"),
        path,
        IS_MAC ? List.of("fuse", "osxfuse", "macfuse") : List.of("libfuse.so.2", "fuse"));
  }

  /**
   * Loads libfuse after checking all that a mount needs.
   *
   * @throws LarderException UNSUPPORTED with what is missing and how to get it
   */
  LibFuse require(boolean allowOther) {
    if (!IS_MAC && !IS_LINUX) {
      throw unsupported("mounts exist on Linux and macOS only");
    }
    LibFuse lib = load();
    if (IS_LINUX) {
      if (!Files.exists(device)) {
        throw unsupported(
            device
                + " is missing: load the kernel's module (modprobe fuse); a container needs the"
                + " device (--device /dev/fuse) and CAP_SYS_ADMIN");
      }
      if (!Files.isReadable(device) || !Files.isWritable(device)) {
        throw unsupported(
            device
                + " is closed to this user: let root open it as most systems do (chmod 666 "
                + device
                + ")");
      }
      unmounter();
      if (allowOther && !isRoot() && !othersAllowed()) {
        throw unsupported(
            "--allow-other without root needs the line user_allow_other in " + fuseConf);
      }
    }
    return lib;
  }

  private LibFuse load() {
    List<String> said = new ArrayList<>();
    for (String name : libraries) {
      try {
        LibFuse lib =
            LibraryLoader.create(LibFuse.class)
                .search("/usr/local/lib")
                .failImmediately()
                .load(name);
        int version = lib.fuse_version();
        if (version >= 26 && version < 30) {
          return lib;
        }
        said.add(name + " is version " + version / 10 + "." + version % 10);
      } catch (RuntimeException | LinkageError e) {
        said.add(name + ": " + e.getMessage());
      }
    }
    throw unsupported(
        (IS_MAC
                ? "macFUSE is missing (brew install --cask macfuse)"
                : "libfuse 2 is missing (Debian and Ubuntu: apt-get install fuse libfuse2; Fedora and"
                    + " RHEL: dnf install fuse fuse-libs)")
            + "; tried "
            + String.join(", ", said));
  }

  private boolean othersAllowed() {
    try {
      return Files.readAllLines(fuseConf).stream()
          .anyMatch(line -> line.strip().equals("user_allow_other"));
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean isRoot() {
    return "root".equals(System.getProperty("user.name"));
  }

  /** The program that takes mounts of this user away. */
  private Path unmounter() {
    String name = IS_MAC ? "umount" : "fusermount";
    return find(name)
        .orElseThrow(() ->
            unsupported(
                name
                    + " is missing (Debian and Ubuntu: apt-get install fuse, or fuse3; Fedora and"
                    + " RHEL: dnf install fuse)"));
  }

  private Optional<Path> find(String program) {
    return searchPath.stream()
        .map(directory -> directory.resolve(program))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** The command that unmounts; a lazy one also succeeds while files are open. */
  List<String> unmountCommand(Path target, boolean isLazy) {
    String program = unmounter().toString();
    if (IS_MAC) {
      return isLazy
          ? List.of(program, "-f", target.toString())
          : List.of(program, target.toString());
    }
    return isLazy
        ? List.of(program, "-u", "-z", "--", target.toString())
        : List.of(program, "-u", "--", target.toString());
  }

  /** The command that ends a mount's connection, for root. */
  List<String> abortCommand(Path target) {
    Path umount = find("umount").orElse(Path.of("umount"));
    return List.of(umount.toString(), "-f", target.toString());
  }

  /** What a program said, and how it ended. */
  record Result(int status, String output) {}

  /** Runs a program; status -1 if it did not end in time. */
  static Result run(List<String> command, long nanos) throws InterruptedException {
    Process process;
    try {
      process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
    } catch (IOException e) {
      return new Result(-1, String.valueOf(e.getMessage()));
    }
    try (InputStream said = process.getInputStream()) {
      if (!process.waitFor(nanos, TimeUnit.NANOSECONDS)) {
        return new Result(-1, "no end in time: " + String.join(" ", command));
      }
      String output = new String(said.readNBytes(4096), StandardCharsets.UTF_8).strip();
      return new Result(process.exitValue(), output);
    } catch (IOException e) {
      return new Result(-1, String.valueOf(e.getMessage()));
    } finally {
      process.destroyForcibly();
    }
  }

  private static LarderException unsupported(String message) {
    return new LarderException(ErrorCode.UNSUPPORTED, message);
  }
}
