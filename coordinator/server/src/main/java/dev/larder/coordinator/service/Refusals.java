package dev.larder.coordinator.service;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** Counts calls that the door refused for who made them, or for want of room. Any thread. */
public final class Refusals {
  /** Why a call was refused. */
  enum Reason {
    /** The certificate's role, or that it has none. */
    ROLE,
    /** It spoke for a node that its certificate does not name. */
    NAME,
    /** What it proved when it connected holds no more. */
    CERTIFICATE,
    /** As many are at work, or connected, as may be. */
    BUSY
  }

  private final EnumMap<Reason, LongAdder> counts = new EnumMap<>(Reason.class);

  /** Nothing is refused yet. */
  public Refusals() {
    for (Reason reason : Reason.values()) {
      counts.put(reason, new LongAdder());
    }
  }

  void count(Reason reason) {
    LongAdder count = counts.get(reason);
    if (count != null) {
      count.increment();
    }
  }

  /** Calls refused so far, by reason in small letters; all reasons are there. */
  public Map<String, Long> snapshot() {
    Map<String, Long> out = new LinkedHashMap<>();
    counts.forEach((reason, count) -> out.put(reason.name().toLowerCase(Locale.ROOT), count.sum()));
    return out;
  }
}
