package dev.larder.fuse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How long a request may wait: as configured, but shorter than the kernel's own patience. */
final class Deadlines {
  private static final Logger log = LoggerFactory.getLogger(Deadlines.class);

  private static final Path SETTINGS = Path.of("/proc/sys/fs/fuse");
  private static final String[] TIMEOUTS = {"default_request_timeout", "max_request_timeout"};

  private Deadlines() {}

  /** The configured deadline, or half of the kernel's timeout where that is shorter. */
  static Duration effective(Duration configured) {
    Duration shortest = configured;
    for (String name : TIMEOUTS) {
      long seconds = seconds(SETTINGS.resolve(name));
      // The kernel counts from the request's birth and then aborts the whole connection.
      Duration half = Duration.ofMillis(Math.max(1000, seconds * 500));
      if (seconds > 0 && half.compareTo(shortest) < 0) {
        log.warn(
            "mount.read-deadline is cut key={} seconds={} to={}", "fs.fuse." + name, seconds, half);
        shortest = half;
      }
    }
    return shortest;
  }

  /** A setting's seconds; 0 when it is off or this kernel has none. */
  static long seconds(Path setting) {
    try {
      return Long.parseLong(Files.readString(setting).strip());
    } catch (IOException | NumberFormatException e) {
      return 0;
    }
  }
}
