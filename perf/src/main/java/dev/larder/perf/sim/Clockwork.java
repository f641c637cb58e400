package dev.larder.perf.sim;

import java.util.PriorityQueue;

/** Events in the order of their times; those of one time in the order they were planned. */
final class Clockwork {
  private final PriorityQueue<Event> events = new PriorityQueue<>();
  private long now;
  private long planned;
  private long handled;

  long now() {
    return now;
  }

  long handled() {
    return handled;
  }

  void at(long time, Runnable action) {
    if (time < now) {
      throw new IllegalStateException("planned for the past: " + time + " before " + now);
    }
    events.add(new Event(time, planned++, action));
  }

  /** Handles the next event; answers whether there was one. */
  boolean step() {
    Event next = events.poll();
    if (next == null) {
      return false;
    }
    now = next.time;
    handled++;
    next.action.run();
    return true;
  }

  private record Event(long time, long number, Runnable action) implements Comparable<Event> {
    @Override
    public int compareTo(Event other) {
      int byTime = Long.compare(time, other.time);
      return byTime != 0 ? byTime : Long.compare(number, other.number);
    }
  }
}
