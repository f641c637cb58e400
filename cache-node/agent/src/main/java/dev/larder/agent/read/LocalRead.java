package dev.larder.agent.read;

import dev.larder.protocol.BlobKey;
import java.nio.ByteBuffer;

/** A read of a small blob that is in memory already. */
final class LocalRead implements BlobRead {
  private final BlobKey key;
  private final ByteBuffer content;
  private final ReadCounters counters;
  private boolean isCounted;

  LocalRead(BlobKey key, ByteBuffer content, ReadCounters counters) {
    this.key = key;
    this.content = content;
    this.counters = counters;
  }

  @Override
  public BlobKey key() {
    return key;
  }

  @Override
  public long sizeBytes() {
    return content.remaining();
  }

  @Override
  public boolean isLocal() {
    return true;
  }

  @Override
  public Span next(long offset, long lengthMax) {
    int length = (int) Math.min(lengthMax, content.remaining() - offset);
    counters.handedOut(Source.LOCAL, length, !isCounted);
    isCounted = true;
    return new MemorySpan(content.slice(content.position() + (int) offset, length), Source.LOCAL);
  }

  @Override
  public void close() {
    // Memory only: nothing to give back.
  }
}
