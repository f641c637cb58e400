package dev.larder.client;

import dev.larder.client.DownloadRequest.Progress;
import dev.larder.client.DownloadRequest.ProgressListener;
import java.util.concurrent.locks.ReentrantLock;

/** Counts a download and tells its listener at most ten times a second. Any thread. */
final class DownloadProgress {
  private static final long PAUSE_NANOS = 100_000_000;

  private final ProgressListener listener;
  private final ReentrantLock telling = new ReentrantLock();
  private long doneFiles;
  private long totalFiles;
  private long doneBytes;
  private long totalBytes;
  private long transferredBytes;
  private long skippedFiles;
  private boolean complete;
  private volatile boolean cancelled;
  private String currentPath = "";
  private long toldAt = System.nanoTime() - PAUSE_NANOS;

  DownloadProgress(ProgressListener listener) {
    this.listener = listener;
  }

  /** No more is told from now on; whoever is at work stops at the next block. */
  void cancel() {
    cancelled = true;
  }

  boolean isCancelled() {
    return cancelled;
  }

  synchronized void found(RemoteEntry entry) {
    totalFiles++;
    totalBytes += entry.sizeBytes();
  }

  synchronized void listed() {
    complete = true;
  }

  /** Bytes that are in place now; {@code transferred} of them came in this call. */
  void advanced(String path, long bytes, boolean transferred) {
    synchronized (this) {
      currentPath = path;
      doneBytes += bytes;
      transferredBytes += transferred ? bytes : 0;
    }
    tell(false);
  }

  synchronized void skipped() {
    skippedFiles++;
  }

  void done(RemoteEntry entry) {
    synchronized (this) {
      currentPath = entry.path();
      doneFiles++;
    }
    tell(false);
  }

  void finish() {
    tell(true);
  }

  synchronized long doneBytes() {
    return doneBytes;
  }

  synchronized long transferredBytes() {
    return transferredBytes;
  }

  synchronized long skippedFiles() {
    return skippedFiles;
  }

  /**
   * Tells the listener outside of the counters' lock, so that a slow listener holds up nobody but
   * the worker that tells it; a worker that finds another one telling goes on.
   */
  private void tell(boolean last) {
    if (last) {
      telling.lock();
    } else if (!telling.tryLock()) {
      return;
    }
    try {
      long now = System.nanoTime();
      if (!cancelled && (last || now - toldAt >= PAUSE_NANOS)) {
        toldAt = now;
        listener.onProgress(snapshot());
      }
    } finally {
      telling.unlock();
    }
  }

  private synchronized Progress snapshot() {
    return new Progress(doneFiles, totalFiles, doneBytes, totalBytes, complete, currentPath);
  }
}
