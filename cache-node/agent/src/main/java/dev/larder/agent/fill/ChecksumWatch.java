package dev.larder.agent.fill;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ContentChecksum;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is known of the origin's checksum of one blob. Under the blob's lock, but for {@link #known}
 * and {@link #now}.
 */
final class ChecksumWatch {
  private static final Logger log = LoggerFactory.getLogger(ChecksumWatch.class);

  private final BlobKey key;
  private final long waitNanos;
  private boolean isAsked;
  private boolean isWaitedFor;
  private long waitedSinceNanos;
  private volatile @Nullable ContentChecksum known;

  ChecksumWatch(BlobKey key, long waitNanos) {
    this.key = key;
    this.waitNanos = waitNanos;
  }

  /** The origin is about to be asked; {@link #answered} follows in any case. */
  void asked() {
    isAsked = true;
  }

  /** The origin answered, with a checksum or without one, or cannot be asked. */
  void answered(Optional<ContentChecksum> found) {
    found.ifPresent(this::known);
    isAsked = false;
  }

  void known(ContentChecksum checksum) {
    known = checksum;
  }

  /**
   * Whether to wait for the origin's answer now that everything else is here. The first call begins
   * the wait, which is over after {@code fill.checksum-wait}.
   */
  boolean isAwaited(long nowNanos) {
    if (isAsked && !isWaitedFor) {
      isWaitedFor = true;
      waitedSinceNanos = nowNanos;
    }
    if (isAsked && nowNanos - waitedSinceNanos >= waitNanos) {
      isAsked = false;
      log.warn("no checksum came in time, the content counts as having none key={}", key);
    }
    return isAsked;
  }

  /** Whether {@link #isAwaited} began a wait that is not over. */
  boolean isHolding(long nowNanos) {
    return isWaitedFor && isAwaited(nowNanos);
  }

  /** Whether there is a checksum, or one to wait for; as {@link #isAwaited}. */
  boolean isExpected(long nowNanos) {
    return known != null || isAwaited(nowNanos);
  }

  Optional<ContentChecksum> now() {
    return Optional.ofNullable(known);
  }
}
