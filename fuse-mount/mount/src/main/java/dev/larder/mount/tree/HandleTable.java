package dev.larder.mount.tree;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Open files by the number the kernel keeps of each. Any thread. */
final class HandleTable {
  private final int max;
  private final ConcurrentHashMap<Long, OpenFile> files = new ConcurrentHashMap<>();
  private final AtomicInteger count = new AtomicInteger();
  private final AtomicLong last = new AtomicLong();

  HandleTable(int max) {
    this.max = max;
  }

  /** Keeps a file; 0 if as many are kept as may be. */
  long add(OpenFile file) {
    if (count.incrementAndGet() > max) {
      count.decrementAndGet();
      return 0;
    }
    long handle = last.incrementAndGet();
    files.put(handle, file);
    return handle;
  }

  @Nullable OpenFile get(long handle) {
    return files.get(handle);
  }

  /** Forgets a file; not one twice. */
  void release(long handle) {
    OpenFile file = files.remove(handle);
    if (file != null) {
      count.decrementAndGet();
      file.close();
    }
  }

  int size() {
    return count.get();
  }

  /** Ends reads that wait; the handles stay until the kernel releases them. */
  void cancelAll() {
    files.values().forEach(OpenFile::close);
  }
}
