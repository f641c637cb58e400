package dev.larder.dist;

import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps a process running until it is told to end. */
final class Foreground {
  private static final Logger log = LoggerFactory.getLogger(Foreground.class);

  private Foreground() {}

  /** Says that it is ready, and closes the process's parts when a signal ends it. */
  static void run(AutoCloseable parts, String ready) throws Exception {
    CountDownLatch ended = new CountDownLatch(1);
    try (parts) {
      Thread hook =
          new Thread(
              () -> {
                try {
                  parts.close();
                } catch (Exception e) {
                  log.error("the process does not end cleanly", e);
                }
                Logging.stop();
                ended.countDown();
              },
              "shutdown");
      Runtime.getRuntime().addShutdownHook(hook);
      System.err.println("larder: " + ready);
      ended.await();
    }
  }
}
