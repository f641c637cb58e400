package dev.larder.csi;

import dev.larder.csi.EventSink.Answer;
import dev.larder.csi.EventSink.PodEvent;
import dev.larder.protocol.Digests;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells pods what is wrong with their volumes. What repeats is one event with a count, posted no
 * more often than its interval; what cannot be posted waits, so much and no more.
 *
 * <p><b>Threads:</b> {@link #report} is for any and does not block; one thread of its own posts.
 * <b>Ownership:</b> the sink is closed with this.
 */
final class PodEvents implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(PodEvents.class);
  private static final int MESSAGE_MAX = 1024;
  private static final int POD_IN_NAME_MAX = 200;
  private static final int NAME_DIGITS = 16;
  // Ten a second of a node at most: an API server serves many nodes.
  private static final Duration PAUSE = Duration.ofMillis(100);
  private static final Duration FIRST_RETRY = Duration.ofSeconds(1);
  private static final int CLOSE_SECONDS = 2;

  private final int most;
  private final Duration interval;
  private final EventSink sink;
  private final InstantSource clock;
  private final LongSupplier nanos;
  private final Object lock = new Object();
  // Guarded by the lock; the longest known comes first.
  private final Map<Key, Entry> entries = new LinkedHashMap<>();
  private final Thread poster;
  private final CountDownLatch closed = new CountDownLatch(1);
  private boolean isClosed;
  private boolean isFailing;
  private long posted;
  private long dropped;

  private record Key(String uid, String about, String reason) {}

  /** One event; guarded by the lock. */
  private static final class Entry {
    private final PodRef pod;
    private final String about;
    private final String reason;
    private String name = "";
    private String message;
    private Instant first;
    private Instant last;
    private long count;
    private long countPosted;
    private boolean isPosted;
    private long dueNanos;
    private Duration retry = FIRST_RETRY;

    Entry(PodRef pod, Key key, String message, Instant now, long nanos) {
      this.pod = pod;
      this.about = key.about();
      this.reason = key.reason();
      this.message = message;
      this.first = now;
      this.last = now;
      this.name = name(now, nanos);
      this.dueNanos = nanos;
    }

    boolean isWaiting() {
      return count > countPosted;
    }

    String name(Instant now, long nanos) {
      String pad = pod.name();
      if (pad.length() > POD_IN_NAME_MAX) {
        pad = pad.substring(0, POD_IN_NAME_MAX).replaceAll("[.-]+$", "");
      }
      String text = String.join("\n", pod.uid(), about, reason, now.toString(), "" + nanos);
      String hex = Digests.ofBytes(text.getBytes(StandardCharsets.UTF_8)).hex();
      return pad + "." + hex.substring(0, NAME_DIGITS);
    }

    PodEvent event() {
      return new PodEvent(pod, name, reason, message, first, last, count);
    }
  }

  PodEvents(int most, Duration interval, EventSink sink, InstantSource clock, LongSupplier nanos) {
    this.most = most;
    this.interval = interval;
    this.sink = sink;
    this.clock = clock;
    this.nanos = nanos;
    this.poster = Thread.ofPlatform().daemon().name("csi-events").unstarted(this::post);
  }

  /** Begins to post. */
  void start() {
    poster.start();
  }

  /**
   * Something is wrong with a volume of a pod.
   *
   * @param about what tells it from others of the same cause: the volume
   * @param text holds no secret
   */
  void report(PodRef pod, String about, Cause cause, String text) {
    String message = message(text, cause.advice());
    Key key = new Key(pod.uid(), about, cause.reason());
    synchronized (lock) {
      Entry entry = entries.get(key);
      if (entry == null) {
        if (entries.size() >= most && !evict()) {
          dropped++;
          return;
        }
        entry = new Entry(pod, key, message, clock.instant(), nanos.getAsLong());
        entries.put(key, entry);
      }
      entry.message = message;
      entry.last = clock.instant();
      entry.count++;
      lock.notifyAll();
    }
  }

  private static String message(String text, String advice) {
    String tail = " – " + advice;
    String clean = VolumeIds.printable(text);
    int room = MESSAGE_MAX - tail.length();
    return (clean.length() > room ? clean.substring(0, room - 1) + "…" : clean) + tail;
  }

  private boolean evict() {
    Iterator<Entry> all = entries.values().iterator();
    while (all.hasNext()) {
      if (!all.next().isWaiting()) {
        all.remove();
        return true;
      }
    }
    return false;
  }

  private void post() {
    try {
      do {
        synchronized (lock) {
          for (long wait = waitNanos(); wait > 0 && !isClosed; wait = waitNanos()) {
            TimeUnit.NANOSECONDS.timedWait(lock, wait);
          }
        }
        boolean unused = step();
      } while (!closed.await(PAUSE.toNanos(), TimeUnit.NANOSECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** How long nothing is due; guarded by the lock. */
  private long waitNanos() {
    long now = nanos.getAsLong();
    return entries.values().stream()
        .filter(Entry::isWaiting)
        .mapToLong(entry -> entry.dueNanos - now)
        .min()
        .orElse(interval.toNanos());
  }

  /** Posts one event that is due; answers whether there was one. */
  boolean step() {
    Key key = null;
    PodEvent event = null;
    boolean isNew = false;
    synchronized (lock) {
      long now = nanos.getAsLong();
      for (Map.Entry<Key, Entry> each : entries.entrySet()) {
        Entry entry = each.getValue();
        if (entry.isWaiting() && entry.dueNanos - now <= 0) {
          key = each.getKey();
          event = entry.event();
          isNew = !entry.isPosted;
          break;
        }
      }
    }
    if (key == null || event == null) {
      return false;
    }
    settle(key, event, isNew ? sink.create(event) : sink.update(event));
    return true;
  }

  private void settle(Key key, PodEvent event, Answer answer) {
    synchronized (lock) {
      say(answer);
      @Nullable Entry entry = entries.get(key);
      if (entry == null) {
        return;
      }
      long now = nanos.getAsLong();
      switch (answer) {
        case DONE -> {
          posted++;
          entry.isPosted = true;
          entry.countPosted = event.count();
          entry.retry = FIRST_RETRY;
          entry.dueNanos = now + interval.toNanos();
        }
        case GONE -> {
          entry.isPosted = false;
          entry.first = entry.last;
          entry.count -= entry.countPosted;
          entry.countPosted = 0;
          entry.name = entry.name(clock.instant(), now);
        }
        case REFUSED -> {
          dropped++;
          entries.remove(key);
        }
        case LATER -> {
          entry.dueNanos = now + entry.retry.toNanos();
          Duration doubled = entry.retry.multipliedBy(2);
          entry.retry = doubled.compareTo(interval) < 0 ? doubled : interval;
        }
      }
    }
  }

  /** Says once that it fails, and once that it goes on. */
  private void say(Answer answer) {
    boolean fails = answer == Answer.LATER;
    if (fails != isFailing) {
      isFailing = fails;
      if (fails) {
        log.warn("events of pods cannot be posted now; {} wait", waiting());
      } else {
        log.info("events of pods are posted again");
      }
    }
  }

  private long waiting() {
    return entries.values().stream().filter(Entry::isWaiting).count();
  }

  /** Figures for metrics, by name without prefix. */
  Map<String, Long> figures() {
    synchronized (lock) {
      return Map.of(
          "events_posted_total",
          posted,
          "events_dropped_total",
          dropped,
          "events_waiting",
          waiting());
    }
  }

  @Override
  public void close() {
    synchronized (lock) {
      isClosed = true;
      lock.notifyAll();
    }
    closed.countDown();
    poster.interrupt();
    try {
      if (poster.isAlive() && !poster.join(Duration.ofSeconds(CLOSE_SECONDS))) {
        log.warn("the thread of events does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    sink.close();
  }
}
