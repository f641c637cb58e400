package dev.larder.agent.read;

import dev.larder.agent.fill.FillSource;
import dev.larder.agent.fill.Found.Came;
import dev.larder.agent.fill.SmallFills;
import dev.larder.agent.fill.SmallFills.Small;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A read of a small blob: fetched whole at the first {@link #next}. */
final class SmallRead implements BlobRead {
  private final FillSource source;
  private final SmallFills smalls;
  private final ReadCounters counters;
  private @Nullable Small small;
  private boolean isCounted;
  private volatile boolean isClosed;

  SmallRead(FillSource source, SmallFills smalls, ReadCounters counters) {
    this.source = source;
    this.smalls = smalls;
    this.counters = counters;
  }

  @Override
  public BlobKey key() {
    return source.key();
  }

  @Override
  public long sizeBytes() {
    return source.sizeBytes();
  }

  @Override
  public boolean isLocal() {
    if (small == null && !isClosed) {
      smalls.local(key()).ifPresent(content -> small = new Small(content, Came.LOCAL));
    }
    return small != null || sizeBytes() == 0;
  }

  @Override
  public Optional<Digest> root() {
    return small == null ? Optional.empty() : Optional.of(small.content().root());
  }

  @Override
  public Span next(long offset, long lengthMax) {
    if (isClosed) {
      throw new LarderException(ErrorCode.CANCELLED, "the read was closed");
    }
    Small content = small;
    if (content == null) {
      content = smalls.read(source);
      small = content;
    }
    if (content.content().size() != sizeBytes()) {
      throw new LarderException(
          ErrorCode.STORE_CORRUPT, key() + " has another size in the store than in the catalog");
    }
    int length = (int) Math.min(lengthMax, sizeBytes() - offset);
    Source from =
        switch (content.came()) {
          case LOCAL -> Source.LOCAL;
          case PEER -> Source.PEER;
          case ORIGIN -> Source.ORIGIN;
        };
    counters.handedOut(from, length, !isCounted);
    isCounted = true;
    return new MemorySpan(content.content().bytes().slice((int) offset, length), from);
  }

  @Override
  public void close() {
    isClosed = true;
  }
}
