package dev.larder.agent;

import dev.larder.agent.fill.FillCounters;
import dev.larder.agent.fill.FillSource;
import dev.larder.coordinator.api.Dispute;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.origin.Origin.OriginRead;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Reads a blob's object whole, past every copy, for its root alone. One thread. */
final class OriginAgain {
  /** A stripe whose request fails is asked for so often; then somebody else is to read. */
  private static final int TRIES = 3;

  private final Function<BlobKey, Optional<FillSource>> sources;
  private final FillCounters counters;
  private final ByteBuffer block = ByteBuffer.allocate((int) Blocks.BLOCK_BYTES);
  private MessageDigest whole = Digests.sha256();

  OriginAgain(Function<BlobKey, Optional<FillSource>> sources, FillCounters counters) {
    this.sources = sources;
    this.counters = counters;
  }

  /**
   * What the origin gives now.
   *
   * @throws LarderException UNKNOWN_BLOB when no dataset of this node lists the key, ORIGIN_*
   */
  RecordedRoot read(Dispute dispute, String self) {
    BlobKey key = dispute.key();
    FillSource source =
        sources
            .apply(key)
            .orElseThrow(() ->
                new LarderException(
                    ErrorCode.UNKNOWN_BLOB, "no dataset of this node lists " + key));
    whole = Digests.sha256();
    List<Digest> stripes = new ArrayList<>();
    for (int stripe = 0; stripe < Blocks.stripeCount(source.sizeBytes()); stripe++) {
      stripes.add(stripe(source, stripe));
    }
    boolean isByDigest = key.kind() == BlobKey.Kind.SHA256;
    if (isByDigest && !Digest.of(whole.digest()).equals(key.digest())) {
      throw new LarderException(
          ErrorCode.ORIGIN_CORRUPT, source.object().uri() + " does not match its digest " + key);
    }
    return new RecordedRoot(
        key,
        source.sizeBytes(),
        Digests.root(source.sizeBytes(), stripes),
        isByDigest ? Trust.VERIFIED : Trust.ATTESTED,
        self,
        dispute.number());
  }

  private Digest stripe(FillSource source, int stripe) {
    for (int left = TRIES - 1; ; left--) {
      try {
        // A request that breaks off must not count in the hash of the whole.
        MessageDigest soFar = (MessageDigest) whole.clone();
        Digest digest = once(source, stripe, soFar);
        whole = soFar;
        counters.requestEnded(source, null);
        return digest;
      } catch (LarderException e) {
        counters.requestEnded(source, e);
        if (left == 0 || e.code() == ErrorCode.CANCELLED) {
          throw e;
        }
      } catch (CloneNotSupportedException e) {
        throw new IllegalStateException("this Java runtime's SHA-256 cannot be cloned", e);
      }
    }
  }

  private Digest once(FillSource source, int stripe, MessageDigest sha) {
    long size = source.sizeBytes();
    long offset = stripe * Blocks.STRIPE_BYTES;
    long length = Math.min(Blocks.STRIPE_BYTES, size - offset);
    List<Digest> blocks = new ArrayList<>();
    try (OriginRead in = source.origin().open(source.object(), offset, length)) {
      for (long at = 0; at < length; at += block.limit()) {
        block.clear().limit((int) Math.min(Blocks.BLOCK_BYTES, length - at));
        while (block.hasRemaining()) {
          int count = in.read(block);
          if (count < 0) {
            throw new LarderException(
                ErrorCode.ORIGIN_UNAVAILABLE,
                source.object().uri() + " ended at byte " + (offset + at + block.position()));
          }
          counters.bytesCame(source, count);
        }
        sha.update(block.duplicate().flip());
        blocks.add(Digests.ofBytes(block.duplicate().flip()));
      }
    }
    return Digests.stripe(blocks);
  }
}
