package dev.larder.agent.read;

import java.util.Optional;

/**
 * Decides for one directory how many small files to fetch ahead: none until files are read roughly
 * in order, then a window that doubles while that goes on.
 *
 * <p><b>Threads:</b> one at a time; the owner locks. No I/O, no clock.
 */
final class SiblingWindow {
  private static final int FIRST = 16;

  /** Ascents needed, less descents, before anything is fetched ahead. */
  private static final int TRUST = 2;

  private static final int TRUST_MAX = 8;

  private final int windowMax;
  private int trust;
  private int window;
  private int left;
  private String last = "";
  private String aheadTo = "";

  SiblingWindow(int windowMax) {
    this.windowMax = windowMax;
  }

  /** Fetch so many files behind this path. */
  record Ahead(String afterPath, int count) {}

  /** A file was read. */
  Optional<Ahead> onRead(String path) {
    if (windowMax == 0) {
      return Optional.empty();
    }
    trust = Math.clamp(trust + Integer.signum(path.compareTo(last)), 0, TRUST_MAX);
    last = path;
    if (trust < TRUST) {
      window = 0;
      return Optional.empty();
    }
    left--;
    boolean isPast = path.compareTo(aheadTo) > 0;
    if (window > 0 && !isPast && left > window / 2) {
      return Optional.empty();
    }
    window = Math.min(windowMax, window == 0 ? FIRST : 2 * window);
    left = isPast ? window : left + window;
    return Optional.of(new Ahead(isPast ? path : aheadTo, window));
  }

  /** The files asked for reach to this path; none were left if it is empty. */
  void reached(String path) {
    if (!path.isEmpty()) {
      aheadTo = path;
    }
  }
}
