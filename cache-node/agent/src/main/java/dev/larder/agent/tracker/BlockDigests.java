package dev.larder.agent.tracker;

import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Digests of some of the up to 64 blocks of one stripe, by place in the stripe. Immutable. */
public final class BlockDigests {
  /** Of no block. */
  public static final BlockDigests NONE = new BlockDigests(new @Nullable Digest[0], 0);

  private final @Nullable Digest[] digests;
  private final long mask;

  private BlockDigests(@Nullable Digest[] digests, long mask) {
    this.digests = digests;
    this.mask = mask;
  }

  /** Of one block. */
  public static BlockDigests of(int place, Digest digest) {
    @Nullable Digest[] digests = new @Nullable Digest[place + 1];
    digests[place] = digest;
    return new BlockDigests(digests, 1L << place);
  }

  /** Of a stripe's blocks in order, at most 64; empty where unknown. */
  public static BlockDigests ofPresent(List<Optional<Digest>> blocks) {
    if (blocks.size() > Blocks.STRIPE_BLOCKS) {
      throw new IllegalArgumentException("a stripe has at most 64 blocks: " + blocks.size());
    }
    @Nullable Digest[] digests = new @Nullable Digest[blocks.size()];
    long mask = 0;
    for (int place = 0; place < digests.length; place++) {
      Digest digest = blocks.get(place).orElse(null);
      digests[place] = digest;
      mask |= digest == null ? 0 : 1L << place;
    }
    return new BlockDigests(digests, mask);
  }

  /** Bit n is set when block n of the stripe is known. */
  public long mask() {
    return mask;
  }

  /** Whether none is known. */
  public boolean isEmpty() {
    return mask == 0;
  }

  /** The digest of a block, null when it is not known. */
  public @Nullable Digest get(int place) {
    return place < digests.length ? digests[place] : null;
  }

  /** These, and of the others those that are not among these. */
  public BlockDigests with(BlockDigests others) {
    if ((others.mask & ~mask) == 0) {
      return this;
    }
    @Nullable Digest[] both =
        Arrays.copyOf(digests, Math.max(digests.length, others.digests.length));
    for (int place = 0; place < others.digests.length; place++) {
      both[place] = both[place] == null ? others.digests[place] : both[place];
    }
    return new BlockDigests(both, mask | others.mask);
  }

  /** Blocks that both know and do not agree on, as a mask. */
  public long differing(BlockDigests others) {
    long differing = 0;
    for (long both = mask & others.mask; both != 0; both &= both - 1) {
      int place = Long.numberOfTrailingZeros(both);
      if (!Objects.equals(get(place), others.get(place))) {
        differing |= 1L << place;
      }
    }
    return differing;
  }

  /** Those of blocks that are not in a mask. */
  public BlockDigests without(long known) {
    if ((mask & known) == 0) {
      return this;
    }
    @Nullable Digest[] rest = digests.clone();
    for (int place = 0; place < rest.length; place++) {
      rest[place] = (known >>> place & 1) == 0 ? rest[place] : null;
    }
    return new BlockDigests(rest, mask & ~known);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof BlockDigests those
        && those.mask == mask
        && Arrays.equals(trimmed(), those.trimmed());
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(trimmed());
  }

  @Override
  public String toString() {
    return "digests of blocks " + Long.toBinaryString(mask);
  }

  private @Nullable Digest[] trimmed() {
    return Arrays.copyOf(digests, Long.SIZE - Long.numberOfLeadingZeros(mask));
  }
}
