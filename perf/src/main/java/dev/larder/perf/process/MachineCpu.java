package dev.larder.perf.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * CPU seconds of the whole machine and of this process with the children it waited for: the
 * difference is what others used meanwhile, and the kernel's own threads.
 */
public record MachineCpu(double busySeconds, double ownSeconds, long nanos) {
  // USER_HZ, fixed in the kernel's interface.
  private static final double TICKS_PER_SECOND = 100;

  /** Reads both now. */
  public static MachineCpu now() throws IOException {
    String[] all =
        Files.readString(Path.of("/proc/stat")).lines().findFirst().orElse("").split(" +");
    // user nice system idle iowait irq softirq steal
    double busy = 0;
    for (int field : new int[] {1, 2, 3, 6, 7, 8}) {
      busy += Long.parseLong(all[field]);
    }
    String stat = Files.readString(Path.of("/proc/self/stat"));
    String[] own = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    double mine = 0;
    for (int field = 11; field <= 14; field++) {
      mine += Long.parseLong(own[field]);
    }
    return new MachineCpu(busy / TICKS_PER_SECOND, mine / TICKS_PER_SECOND, System.nanoTime());
  }

  /** Cores others kept busy since an earlier reading, on average. */
  public double othersCoresSince(MachineCpu before) {
    double busy = busySeconds - before.busySeconds;
    double own = ownSeconds - before.ownSeconds;
    return Math.max(0, busy - own) / ((nanos - before.nanos) / 1e9);
  }
}
