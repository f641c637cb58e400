package dev.larder.origin;

import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.ErrorCode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Optional;

/** A range out of a whole object, from a server that ignores Range. */
final class SkippingBody implements RangeBody {
  // Every read downloads what lies before it: bearable for files of a few blocks, not for large
  // ones.
  static final long SKIP_BYTES_MAX = 64L << 20;
  private static final int SCRATCH_BYTES = 64 << 10;

  private final OriginObject object;
  private final InputStream in;
  private final StreamBody body;
  private final Redactor redactor;
  private final Watch watch;
  private long toSkip;

  private SkippingBody(
      OriginObject object,
      InputStream in,
      StreamBody body,
      long toSkip,
      Redactor redactor,
      Watch watch) {
    this.object = object;
    this.in = in;
    this.body = body;
    this.toSkip = toSkip;
    this.redactor = redactor;
    this.watch = watch;
  }

  static RangeBody of(
      OriginObject object,
      InputStream in,
      Runnable abort,
      long offset,
      Redactor redactor,
      Watch watch)
      throws OriginFailure {
    if (offset > SKIP_BYTES_MAX) {
      throw OriginFailure.lasting(
          ErrorCode.ORIGIN_CORRUPT,
          object.uri()
              + ": the server ignores Range; behind byte "
              + SKIP_BYTES_MAX
              + " its files can't be read");
    }
    StreamBody body = new StreamBody(object.uri(), in, abort, false, Optional.empty(), redactor);
    return new SkippingBody(object, in, body, offset, redactor, watch);
  }

  @Override
  public int read(ByteBuffer target) throws OriginFailure {
    try {
      byte[] scratch = new byte[(int) Math.min(toSkip, SCRATCH_BYTES)];
      while (toSkip > 0) {
        int count = in.read(scratch, 0, (int) Math.min(toSkip, scratch.length));
        if (count < 0) {
          return -1;
        }
        toSkip -= count;
        watch.progressed();
      }
    } catch (IOException e) {
      throw OriginFailure.passing(
              ErrorCode.ORIGIN_UNAVAILABLE,
              object.uri() + " broke off: " + redactor.text(e.getMessage()))
          .because(redactor.cause(e));
    }
    return body.read(target);
  }

  @Override
  public Optional<ContentChecksum> checksum() {
    return Optional.empty();
  }

  @Override
  public void finish() {
    body.finish();
  }

  @Override
  public void abort() {
    body.abort();
  }
}
