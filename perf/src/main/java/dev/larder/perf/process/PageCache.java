package dev.larder.perf.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The kernel's page cache. */
public final class PageCache {
  private static final Path CONTROL = Path.of("/proc/sys/vm/drop_caches");

  private PageCache() {}

  /** Writes dirty pages back and drops clean ones; false where this needs a right we lack. */
  public static boolean drop() throws IOException, InterruptedException {
    if (!Files.isWritable(CONTROL)) {
      return false;
    }
    new ProcessBuilder("sync").inheritIO().start().waitFor();
    Files.writeString(CONTROL, "3");
    return true;
  }

  /** Waits until dirty pages are on disk, so that one measure does not pay for another's. */
  public static void sync() throws IOException, InterruptedException {
    new ProcessBuilder("sync").inheritIO().start().waitFor();
  }
}
