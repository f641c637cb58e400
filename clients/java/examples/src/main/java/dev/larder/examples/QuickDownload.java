package dev.larder.examples;

import dev.larder.client.DownloadRequest;
import dev.larder.client.LarderClient;
import dev.larder.client.LarderClient.DownloadResult;
import java.nio.file.Path;

/** Downloads a file, a directory or what a glob matches: {@code DATASET PATH TARGET}. */
public final class QuickDownload {
  private QuickDownload() {}

  public static void main(String[] args) {
    download(args[0], args[1], Path.of(args[2]));
  }

  static void download(String dataset, String path, Path target) {
    try (LarderClient larder = LarderClient.connect()) {
      DownloadRequest request =
          DownloadRequest.of(dataset, path, target)
              .withListener(
                  p -> System.out.printf("%,d of %,d bytes%n", p.doneBytes(), p.totalBytes()));
      DownloadResult result = larder.download(request);
      System.out.printf(
          "%d files, %d bytes, %d of them transferred now%n",
          result.files().size(), result.bytes(), result.transferredBytes());
    }
  }
}
