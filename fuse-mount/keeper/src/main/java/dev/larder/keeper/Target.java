package dev.larder.keeper;

import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/**
 * A directory that something is to be shown at, held open so that nobody can put a link in its way
 * between check and mount.
 *
 * @param fd the directory: the topmost mount's root where something is mounted
 * @param path its own name, with no link in it
 */
record Target(Fd fd, Path path) implements AutoCloseable {

  private static final int OPEN_MILLIS = 5_000;

  /** The last part is not followed: a link there is more likely a mistake than a wish. */
  private static final int FLAGS = Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_NOFOLLOW;

  /**
   * Opens a directory.
   *
   * @throws LinuxException EINVAL for what is no absolute path of a directory, ENOENT, ENOTDIR,
   *     ETIMEDOUT when its file system does not answer
   */
  static Target open(String text) throws LinuxException {
    Path path = parse(text);
    Fd known = Fd.openCached(path, FLAGS);
    if (known != null) {
      return of(known, path);
    }
    Bounded<Target> call = new Bounded<>(text, () -> open(path));
    Target target = call.await(OPEN_MILLIS);
    if (target == null) {
      call.abandon();
      throw new LinuxException("open", text, Errno.ETIMEDOUT);
    }
    return target;
  }

  private static Target open(Path path) throws LinuxException {
    return of(Fd.open(path, FLAGS), path);
  }

  private static Target of(Fd fd, Path path) throws LinuxException {
    try {
      return new Target(fd, Files.readSymbolicLink(fd.procPath()));
    } catch (IOException e) {
      fd.close();
      String why = String.valueOf(e.getMessage());
      throw new LinuxException("readlink", path.toString(), Errno.ENOENT, why);
    }
  }

  /**
   * The name that a directory has in the ledger, whether it can be opened or not.
   *
   * @throws LinuxException EINVAL, ETIMEDOUT
   */
  static String nameOf(String text) throws LinuxException {
    try (Target target = open(text)) {
      return target.path().toString();
    } catch (LinuxException e) {
      if (e.errno() == Errno.ETIMEDOUT) {
        throw e;
      }
      // A mount that is to be taken away may be past opening.
      return parse(text).normalize().toString();
    }
  }

  private static Path parse(String text) throws LinuxException {
    try {
      Path path = Path.of(text);
      if (path.isAbsolute()) {
        return path;
      }
    } catch (InvalidPathException e) {
      throw new LinuxException("target", text, Errno.EINVAL, String.valueOf(e.getReason()));
    }
    throw new LinuxException("target", text, Errno.EINVAL, "it is not absolute");
  }

  /**
   * Refuses what would hide the keeper's or the store's own files, or be hidden with them.
   *
   * @throws LinuxException EINVAL
   */
  void requireOutside(Path place, String what) throws LinuxException {
    if (path.startsWith(place) || place.startsWith(path)) {
      throw new LinuxException(
          "target", path.toString(), Errno.EINVAL, "it is inside of or above " + what);
    }
  }

  @Override
  public void close() {
    fd.close();
  }
}
