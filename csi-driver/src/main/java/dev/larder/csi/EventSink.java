package dev.larder.csi;

import java.time.Instant;

/** Where events of pods go. One thread; calls block for seconds at most. */
interface EventSink extends AutoCloseable {

  /**
   * An event.
   *
   * @param name its object's, unlike any other's in the namespace
   * @param reason one word
   * @param message of up to 1024 characters
   * @param count how often it happened from first to last
   */
  record PodEvent(
      PodRef pod,
      String name,
      String reason,
      String message,
      Instant first,
      Instant last,
      long count) {}

  /** How a post ended. */
  enum Answer {
    DONE,
    /** The event is there no longer: it is to be created anew. */
    GONE,
    /** It will never be taken. */
    REFUSED,
    /** It may be taken later. */
    LATER
  }

  /** Creates an event; one of this name being there already is fine. */
  Answer create(PodEvent event);

  /** Has an event that was created tell the present message, count and time. */
  Answer update(PodEvent event);

  @Override
  void close();
}
