package dev.larder.client;

import java.nio.file.Path;

/**
 * What to download and how.
 *
 * <p>Each file is written beside its place as {@code .<name>.larder-<snapshot>.part} and renamed
 * when it is complete and checked; a later call goes on where an interrupted one stopped. Files
 * that are there already with the right size, time and key are skipped.
 *
 * @param dataset {@code name} or {@code name@3}
 * @param path a file, a directory or a glob; empty: all
 * @param target directory to write below, created if missing
 * @param parallel files at once, 1 to 64
 * @param overwrite replace files that are there with other content; else they are an error that
 *     names them
 * @param listener told of progress, at most ten times a second, never from two threads at once
 */
public record DownloadRequest(
    String dataset,
    String path,
    Path target,
    int parallel,
    boolean overwrite,
    ProgressListener listener) {

  /** Makes the target absolute: what lies below it is judged by its whole path. */
  public DownloadRequest {
    target = target.toAbsolutePath().normalize();
  }

  /** Defaults: 8 files at once, no overwriting, nobody listens. */
  public static DownloadRequest of(String dataset, String path, Path target) {
    return new DownloadRequest(dataset, path, target, 8, false, progress -> {});
  }

  /** The same with a listener. */
  public DownloadRequest withListener(ProgressListener newListener) {
    return new DownloadRequest(dataset, path, target, parallel, overwrite, newListener);
  }

  /** Hears how far a download is; throwing from it cancels the download. */
  @FunctionalInterface
  public interface ProgressListener {
    /** Called with the state so far. */
    void onProgress(Progress progress);
  }

  /**
   * State of a download.
   *
   * @param totalFiles known once the listing is read, before that what was seen so far
   * @param complete whether the totals are final
   */
  public record Progress(
      long doneFiles,
      long totalFiles,
      long doneBytes,
      long totalBytes,
      boolean complete,
      String currentPath) {}
}
