package dev.larder.mount.tree;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A shell that unmounts when this process is gone, however it died, so that no dead mount stays. It
 * does what libfuse's auto_unmount does, with any fusermount, for root too, and can be told to
 * stop: libfuse's lives, with a descriptor, until this process ends.
 */
final class MountWatch implements AutoCloseable {
  /*
   * The end of the shell's input says that the process is gone. It does not come while the process
   * dies with a file of its own mount open: the kernel asks for an answer that nobody gives, and the
   * descriptors stay. So every two seconds a second shell looks whether the process has any memory
   * left; if not, it aborts the connection, and the process can end. A line of input calls both off.
   * Control-C, which a terminal sends to all, does not.
   */
  private static final String SCRIPT =
      """
      process=$1 control=$2 target=$3
      shift 3
      trap '' HUP INT TERM
      give_up() {
        { echo 1 >"$control"; } 2>/dev/null || umount -f "$target"
        "$@"
      }
      while sleep 2 && kill -0 $$; do
        read -r pages rest <"/proc/$process/statm" || exit
        [ "$pages" != 0 ] || { give_up "$@"; exit; }
      done &
      second=$!
      read -r line || give_up "$@"
      kill -9 $second
      """;

  private static final Logger log = LoggerFactory.getLogger(MountWatch.class);

  private final Process shell;

  private MountWatch(Process shell) {
    this.shell = shell;
  }

  /**
   * Starts one.
   *
   * @param control the kernel's file that aborts the connection; need not exist
   * @param unmountCommand unmounts the target even while it is in use
   */
  static MountWatch start(Path control, Path target, List<String> unmountCommand)
      throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                "/bin/sh",
                "-c",
                SCRIPT,
                "larder-mount-watch",
                Long.toString(ProcessHandle.current().pid()),
                control.toString(),
                target.toString()));
    command.addAll(unmountCommand);
    return new MountWatch(
        new ProcessBuilder(command)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start());
  }

  /** Calls it off. */
  @Override
  public void close() {
    try {
      shell.getOutputStream().write('\n');
      shell.getOutputStream().flush();
      if (!shell.waitFor(1, TimeUnit.SECONDS)) {
        log.warn("the watch of a mount did not end pid={}", shell.pid());
      }
    } catch (IOException e) {
      log.debug("the watch of a mount had ended", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      shell.destroyForcibly();
    }
  }
}
