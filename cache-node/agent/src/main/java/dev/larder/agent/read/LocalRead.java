package dev.larder.agent.read;

import dev.larder.agent.fill.SmallContent;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.util.Optional;

/** A read of a small blob that is in memory already. */
final class LocalRead implements BlobRead {
  private final BlobKey key;
  private final SmallContent content;
  private final ReadCounters counters;
  private boolean isCounted;

  LocalRead(BlobKey key, SmallContent content, ReadCounters counters) {
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
    return content.size();
  }

  @Override
  public boolean isLocal() {
    return true;
  }

  @Override
  public Optional<Digest> root() {
    return Optional.of(content.root());
  }

  @Override
  public Span next(long offset, long lengthMax) {
    int length = (int) Math.min(lengthMax, content.size() - offset);
    counters.handedOut(Source.LOCAL, length, !isCounted);
    isCounted = true;
    return new MemorySpan(content.bytes().slice((int) offset, length), Source.LOCAL);
  }

  @Override
  public void close() {
    // Memory only: nothing to give back.
  }
}
