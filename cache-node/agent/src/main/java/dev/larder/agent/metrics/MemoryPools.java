package dev.larder.agent.metrics;

import io.netty.util.internal.PlatformDependent;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** Memory of this process by pool. Any thread; reads a file of /proc, never waits for a disk. */
public final class MemoryPools {
  private static final Path STATUS = Path.of("/proc/self/status");

  private MemoryPools() {}

  /** Bytes by pool name. {@code rss} is missing where the system has no /proc. */
  public static Map<String, Long> bytes() {
    Map<String, Long> pools = new TreeMap<>();
    MemoryUsage heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
    pools.put("heap_used", heap.getUsed());
    pools.put("heap_max", heap.getMax());
    for (BufferPoolMXBean pool : ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class)) {
      switch (pool.getName()) {
        case "direct" -> pools.put("jvm_direct", pool.getMemoryUsed());
        case "mapped" -> pools.put("jvm_mapped", pool.getMemoryUsed());
        default -> {}
      }
    }
    pools.put("netty_direct", Math.max(0, PlatformDependent.usedDirectMemory()));
    long rss = rssBytes();
    if (rss >= 0) {
      pools.put("rss", rss);
    }
    return pools;
  }

  /** Resident set in bytes, or -1 where the system does not tell. */
  public static long rssBytes() {
    if (!Files.isReadable(STATUS)) {
      return -1;
    }
    try {
      for (String line : Files.readAllLines(STATUS)) {
        if (line.startsWith("VmRSS:")) {
          String digits = line.replaceAll("[^0-9]", "");
          return Long.parseLong(digits) << 10;
        }
      }
      return -1;
    } catch (IOException | NumberFormatException e) {
      return -1;
    }
  }
}
