package dev.larder.client;

import dev.larder.client.DownloadRequest.Progress;
import dev.larder.client.DownloadRequest.ProgressListener;

/** Counts a download and tells its listener at most ten times a second. Any thread. */
final class DownloadProgress {
  private static final long PAUSE_NANOS = 100_000_000;

  private final ProgressListener listener;
  private long doneFiles;
  private long totalFiles;
  private long doneBytes;
  private long totalBytes;
  private long transferredBytes;
  private long skippedFiles;
  private boolean complete;
  private String currentPath = "";
  private long toldAt = System.nanoTime() - PAUSE_NANOS;

  DownloadProgress(ProgressListener listener) {
    this.listener = listener;
  }

  synchronized void found(RemoteEntry entry) {
    totalFiles++;
    totalBytes += entry.sizeBytes();
  }

  synchronized void listed() {
    complete = true;
  }

  /** Bytes that are in place now; {@code transferred} of them came in this call. */
  synchronized void advanced(String path, long bytes, boolean transferred) {
    currentPath = path;
    doneBytes += bytes;
    transferredBytes += transferred ? bytes : 0;
    tell(false);
  }

  synchronized void skipped() {
    skippedFiles++;
  }

  synchronized void done(RemoteEntry entry) {
    currentPath = entry.path();
    doneFiles++;
    tell(false);
  }

  synchronized void finish() {
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

  /** Called with the lock held, so that the listener never hears from two threads at once. */
  private void tell(boolean last) {
    long now = System.nanoTime();
    if (last || now - toldAt >= PAUSE_NANOS) {
      toldAt = now;
      listener.onProgress(
          new Progress(doneFiles, totalFiles, doneBytes, totalBytes, complete, currentPath));
    }
  }
}
