package dev.larder.agent.fill;

import dev.larder.protocol.ContentChecksum;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What is known of the origin's checksum of one blob. Any thread. */
final class ChecksumWatch {
  private volatile boolean isPending;
  private volatile @Nullable ContentChecksum known;

  /** The origin is being asked, or has answered. */
  void pending(boolean pending) {
    isPending = pending;
  }

  void known(ContentChecksum checksum) {
    known = checksum;
  }

  /** Whether there is a checksum, or may be one soon. */
  boolean isExpected() {
    return isPending || known != null;
  }

  Optional<ContentChecksum> now() {
    return Optional.ofNullable(known);
  }
}
