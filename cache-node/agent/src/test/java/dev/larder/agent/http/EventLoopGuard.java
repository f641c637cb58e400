package dev.larder.agent.http;

import io.netty.util.concurrent.FastThreadLocalThread;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import reactor.blockhound.BlockHound;
import reactor.blockhound.BlockingOperationError;

/**
 * Sees to it, for the rest of this JVM, that no event loop waits: a call that may wait throws there
 * and is remembered, so that whoever caught the error cannot hide it. Netty's own integration says
 * which threads are event loops and what Netty itself may do there.
 */
final class EventLoopGuard {
  private static final List<String> SEEN = new CopyOnWriteArrayList<>();

  static {
    BlockHound.builder()
        .loadIntegrations()
        // A pool's queue and thread table are locked for some instructions, never for a call that
        // waits; handing work over is what an event loop is to do.
        .allowBlockingCallsInside("java.util.concurrent.ThreadPoolExecutor", "execute")
        .allowBlockingCallsInside("java.util.concurrent.ArrayBlockingQueue", "offer")
        // Reads the kernel's random device, which never waits once the host is up.
        .allowBlockingCallsInside("java.security.SecureRandom", "nextBytes")
        .blockingMethodCallback(method -> {
          BlockingOperationError error = new BlockingOperationError(method);
          StringBuilder text = new StringBuilder(Thread.currentThread().getName());
          text.append(": ").append(method);
          for (StackTraceElement frame : error.getStackTrace()) {
            text.append("\n\tat ").append(frame);
          }
          SEEN.add(text.toString());
          throw error;
        })
        .install();
  }

  private EventLoopGuard() {}

  /** Loads this class, which sets everything up. */
  static void install() {
    // The static part did it.
  }

  /** What waited on an event loop since the last call of this. */
  static List<String> takeAll() {
    List<String> all = List.copyOf(SEEN);
    SEEN.clear();
    return all;
  }

  /** Whether the calling thread is one that must never wait. */
  static boolean isGuarded() {
    return Thread.currentThread() instanceof FastThreadLocalThread thread
        && !thread.permitBlockingCalls();
  }
}
