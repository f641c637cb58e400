package dev.larder.mount.tree;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A shell that unmounts when this process is gone, however it died, so that no dead mount stays. It
 * does what libfuse's auto_unmount does, with any fusermount, for root too, and can be told to
 * stop: libfuse's lives, with a descriptor, until this process ends.
 */
final class MountWatch implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(MountWatch.class);

  /** Ends at a line; at the end of its input runs what it was given. Outlives Control-C. */
  private static final String SCRIPT = "trap '' HUP INT TERM; read -r line || exec \"$@\"";

  private final Process shell;

  private MountWatch(Process shell) {
    this.shell = shell;
  }

  /** Starts one. */
  static MountWatch start(List<String> unmountCommand) throws IOException {
    List<String> command = new ArrayList<>(List.of("/bin/sh", "-c", SCRIPT, "larder-mount-watch"));
    command.addAll(unmountCommand);
    return new MountWatch(
        new ProcessBuilder(command)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start());
  }

  long pid() {
    return shell.pid();
  }

  /** Calls it off. */
  @Override
  public void close() {
    try {
      shell.getOutputStream().write('\n');
      shell.getOutputStream().flush();
    } catch (IOException e) {
      log.debug("the watch of a mount had ended", e);
    }
    shell.destroyForcibly();
  }
}
