package dev.larder.origin;

import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.slf4j.LoggerFactory;

/**
 * Reads one object twice in a process of its own, whose environment a test sets: {@code URI
 * OBJECT-URI VERSION SIZE [KEY=VALUE…]}. A line on standard input interrupts a read at work; it is
 * said on standard output how a read ended, and how long after an interrupt.
 */
final class ChildRead {
  static final String MARK = "it is logged what is logged";

  // Longer than any test waits: what ends a read earlier is never one of these.
  private static final OriginLimits PATIENT =
      new OriginLimits(4, 0, Duration.ofMinutes(2), 2, Duration.ofMillis(1), Duration.ofMillis(8));

  private static volatile long interruptedNanos;

  private ChildRead() {}

  public static void main(String[] arguments) throws IOException {
    LoggerFactory.getLogger(ChildRead.class).debug(MARK);
    Map<String, String> options = new HashMap<>();
    for (int i = 4; i < arguments.length; i++) {
      int equals = arguments[i].indexOf('=');
      options.put(arguments[i].substring(0, equals), arguments[i].substring(equals + 1));
    }
    OriginObject object =
        new OriginObject(
            "x",
            OriginObject.Type.FILE,
            arguments[1],
            arguments[2],
            Long.parseLong(arguments[3]),
            Instant.EPOCH,
            Optional.empty(),
            Optional.empty());
    Thread reader = Thread.currentThread();
    Thread.ofPlatform().daemon().start(() -> interruptOnInput(reader));
    try (Origin origin = Origins.open(arguments[0], new OriginOptions(options), PATIENT)) {
      read(origin, object);
      read(origin, object);
    }
  }

  private static void read(Origin origin, OriginObject object) {
    try {
      System.out.println("read " + Reads.all(origin, object).length);
    } catch (LarderException e) {
      long millis = (System.nanoTime() - interruptedNanos) / 1_000_000;
      e.printStackTrace(System.out);
      if (Thread.interrupted()) {
        System.out.println("ended " + millis + " ms after the interrupt");
      }
    }
  }

  private static void interruptOnInput(Thread reader) {
    try {
      while (System.in.read() == '\n') {
        interruptedNanos = System.nanoTime();
        reader.interrupt();
      }
    } catch (IOException parentIsGone) {
      // Then nobody waits for this process either.
    }
  }
}
