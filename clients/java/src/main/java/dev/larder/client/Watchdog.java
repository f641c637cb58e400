package dev.larder.client;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Closes answers that stopped delivering, so that the thread that reads them goes on with a fault.
 *
 * <p>One daemon thread a client, started with the first answer. Any thread.
 */
final class Watchdog implements AutoCloseable {
  private final long deadlineNanos;
  private final Set<Watched> watched = ConcurrentHashMap.newKeySet();
  private boolean started;
  private volatile boolean closed;

  Watchdog(Duration deadline) {
    this.deadlineNanos = deadline.toNanos();
  }

  /** Watches an answer's body until it is closed. */
  Watched watch(InputStream body) {
    Watched one = new Watched(body);
    watched.add(one);
    start();
    return one;
  }

  @Override
  public void close() {
    closed = true;
    watched.forEach(Watched::cut);
    synchronized (this) {
      notifyAll();
    }
  }

  private synchronized void start() {
    if (!started && !closed) {
      started = true;
      Thread thread = new Thread(this::run, "larder-client-watchdog");
      thread.setDaemon(true);
      thread.start();
    }
  }

  private void run() {
    long pauseMillis = Math.min(1000, Math.max(10, deadlineNanos / 4_000_000));
    while (!closed) {
      long now = System.nanoTime();
      for (Watched one : watched) {
        if (one.reading && now - one.since > deadlineNanos) {
          one.cut();
        }
      }
      synchronized (this) {
        try {
          wait(pauseMillis);
        } catch (InterruptedException e) {
          return;
        }
      }
    }
  }

  /** A watched body. One reader. */
  final class Watched implements AutoCloseable {
    private final InputStream body;
    private volatile boolean reading;
    private volatile long since;
    private volatile boolean cut;

    Watched(InputStream body) {
      this.body = body;
    }

    int read(byte[] target, int offset, int length) throws IOException {
      since = System.nanoTime();
      reading = true;
      try {
        return body.read(target, offset, length);
      } finally {
        reading = false;
      }
    }

    /** Whether the watchdog closed it. */
    boolean wasCut() {
      return cut;
    }

    void cut() {
      cut = true;
      close();
    }

    @Override
    public void close() {
      watched.remove(this);
      try {
        body.close();
      } catch (IOException e) {
        // The connection is given up either way; nothing is left to release.
        assert e != null;
      }
    }
  }
}
