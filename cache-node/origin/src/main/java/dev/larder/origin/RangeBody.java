package dev.larder.origin;

import dev.larder.protocol.ContentChecksum;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * A provider's answer to one ranged request, checked against what was asked. One thread at a time,
 * except {@link #abort}.
 */
interface RangeBody {
  /** At least one byte, or -1 at the end. */
  int read(ByteBuffer target) throws OriginFailure;

  /** Whole-object checksum that came with the answer. */
  Optional<ContentChecksum> checksum();

  /** Ends a body that was read to its end; the connection may serve again. */
  void finish();

  /** Drops the connection; any thread, idempotent; a read at work fails. */
  void abort();

  /** Sends one request. */
  @FunctionalInterface
  interface Opener {
    /**
     * Asks for a range and checks the answer.
     *
     * @param watch is told how to abort the request while no answer has come
     */
    RangeBody open(long offset, long length, Watch watch) throws OriginFailure;
  }
}
