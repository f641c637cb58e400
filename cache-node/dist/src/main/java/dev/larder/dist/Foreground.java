package dev.larder.dist;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps a process running until it is told to end. */
final class Foreground {
  private static final Logger log = LoggerFactory.getLogger(Foreground.class);

  private Foreground() {}

  /** Says that it is ready, and closes the process's parts when a signal ends it. */
  static void run(AutoCloseable parts, String ready) throws Exception {
    run(parts, ready, () -> false);
  }

  /**
   * As {@link #run(AutoCloseable, String)}, and ends with a fault when the parts have ended by
   * themselves, for whoever supervises the process to start it again.
   *
   * @param hasEnded asked every second
   */
  static void run(AutoCloseable parts, String ready, BooleanSupplier hasEnded) throws Exception {
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
      while (!ended.await(1, TimeUnit.SECONDS)) {
        if (hasEnded.getAsBoolean()) {
          Runtime.getRuntime().removeShutdownHook(hook);
          throw new LarderException(
              ErrorCode.INTERNAL, "this process ended by itself after a fault, its log says why");
        }
      }
    }
  }
}
