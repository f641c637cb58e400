package dev.larder.origin;

import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.ErrorCode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A body that comes as a stream. Heap buffers are filled directly, others through a small array.
 */
final class StreamBody implements RangeBody {
  private static final Logger log = LoggerFactory.getLogger(StreamBody.class);
  // As much as one read of a Java socket hands over.
  private static final int SCRATCH_BYTES = 128 << 10;

  private final String subject;
  private final InputStream in;
  private final Runnable abort;
  private final boolean exact;
  private final Optional<ContentChecksum> checksum;
  private final Redactor redactor;
  private byte[] scratch = new byte[0];

  /**
   * @param subject what is read, for messages
   * @param in positioned at the first byte wanted
   * @param abort drops the connection; any thread, any number of times
   * @param exact whether the stream is known to end with the last byte wanted
   */
  StreamBody(
      String subject,
      InputStream in,
      Runnable abort,
      boolean exact,
      Optional<ContentChecksum> checksum,
      Redactor redactor) {
    this.subject = subject;
    this.in = in;
    this.abort = abort;
    this.exact = exact;
    this.checksum = checksum;
    this.redactor = redactor;
  }

  @Override
  public int read(ByteBuffer target) throws OriginFailure {
    try {
      if (target.hasArray()) {
        int count =
            in.read(target.array(), target.arrayOffset() + target.position(), target.remaining());
        if (count > 0) {
          target.position(target.position() + count);
        }
        return count;
      }
      if (scratch.length == 0) {
        scratch = new byte[SCRATCH_BYTES];
      }
      int count = in.read(scratch, 0, Math.min(scratch.length, target.remaining()));
      if (count > 0) {
        target.put(scratch, 0, count);
      }
      return count;
    } catch (IOException | RuntimeException e) {
      throw OriginFailure.passing(
              ErrorCode.ORIGIN_UNAVAILABLE,
              subject + " broke off: " + redactor.text(e.getMessage()))
          .because(redactor.cause(e));
    }
  }

  @Override
  public Optional<ContentChecksum> checksum() {
    return checksum;
  }

  @Override
  public void finish() {
    if (!exact) {
      abort.run();
      return;
    }
    try {
      // Clients give a connection back only once they have seen the end.
      if (in.read() >= 0) {
        abort.run();
      } else {
        in.close();
      }
    } catch (IOException | RuntimeException e) {
      // All bytes wanted are there; only the connection is lost.
      log.debug("{}: the end of the answer", subject, redactor.cause(e));
      abort.run();
    }
  }

  @Override
  public void abort() {
    try {
      abort.run();
    } catch (RuntimeException e) {
      log.debug("{}: dropping a connection", subject, redactor.cause(e));
    }
  }
}
