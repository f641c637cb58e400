package dev.larder.examples;

import dev.larder.client.DownloadRequest;
import dev.larder.client.LarderClient;
import dev.larder.client.LarderClient.DownloadResult;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

/** Stops a download on its way and goes on with it later: {@code DATASET PATH TARGET}. */
public final class CancelAndResume {
  private CancelAndResume() {}

  public static void main(String[] args) throws InterruptedException {
    try (LarderClient larder = LarderClient.connect()) {
      cancel(larder, args[0], args[1], Path.of(args[2]));
      resume(larder, args[0], args[1], Path.of(args[2]));
    }
  }

  static void cancel(LarderClient larder, String dataset, String path, Path target)
      throws InterruptedException {
    CountDownLatch quarter = new CountDownLatch(1);
    DownloadRequest request =
        DownloadRequest.of(dataset, path, target)
            .withListener(p -> {
              if (p.doneBytes() > p.totalBytes() / 4) {
                quarter.countDown();
              }
            });
    Thread download =
        Thread.startVirtualThread(() -> {
          try {
            larder.download(request);
          } catch (LarderException e) {
            System.out.println(e.code() == ErrorCode.CANCELLED ? "cancelled" : e.toString());
          }
        });
    quarter.await();
    download.interrupt();
    download.join();
  }

  static void resume(LarderClient larder, String dataset, String path, Path target) {
    DownloadResult rest = larder.download(DownloadRequest.of(dataset, path, target));
    System.out.println(rest.transferredBytes() + " of " + rest.bytes() + " bytes were missing");
  }
}
