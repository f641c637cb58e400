package dev.larder.agent.fill;

import dev.larder.agent.fill.Members.SealedDigests;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the recorded root of a blob vouches for: block digests that hash to it, whoever tells them.
 * Any thread; calls wait for members, and a little for the coordinator.
 */
final class RootProof {
  private static final Logger log = LoggerFactory.getLogger(RootProof.class);
  private static final long ASK_AGAIN_NANOS = Duration.ofSeconds(2).toNanos();
  private static final long WAIT_NANOS = Duration.ofMillis(250).toNanos();

  /** Runs go on in few stripes at once; 3.5 KiB each. */
  private static final int STRIPES_KEPT = 8;

  /** Of blobs up to a terabyte the proved list is kept, 1.3 MiB; of larger ones told each time. */
  private static final int LIST_MAX = 1 << 14;

  private final FillEngine engine;
  private final BlobKey key;
  private final long sizeBytes;
  private final Map<Integer, BlockDigests> proved = new LinkedHashMap<>();
  private final AtomicReference<@Nullable CompletableFuture<Known>> asked = new AtomicReference<>();
  private volatile Known known = Known.NOTHING;
  private volatile @Nullable ProvedList list;
  private volatile long askedNanos;

  /**
   * What the coordinator knows.
   *
   * @param holders that may have the blob; none where the root is not known
   */
  private record Known(Optional<Digest> root, List<String> holders) {
    static final Known NOTHING = new Known(Optional.empty(), List.of());
  }

  /** Digests of all stripes that hash to a root. */
  private record ProvedList(Digest root, List<Digest> stripes) {}

  RootProof(FillEngine engine, BlobKey key, long sizeBytes) {
    this.engine = engine;
    this.key = key;
    this.sizeBytes = sizeBytes;
  }

  /**
   * What a member's word is worth.
   *
   * @param digests of the stripe's blocks, proved; none when the root or the member does not help
   * @param isWrong whether the member's digests do not hash to the root
   */
  record Proved(BlockDigests digests, boolean isWrong) {
    static final Proved NOTHING = new Proved(BlockDigests.NONE, false);
  }

  /** Digests of a stripe that a member tells and the root proves. */
  Proved blocks(String member, int stripe) {
    Optional<Digest> expected = root();
    if (expected.isEmpty()) {
      return Proved.NOTHING;
    }
    synchronized (this) {
      BlockDigests known = proved.get(stripe);
      if (known != null) {
        return new Proved(known, false);
      }
    }
    ProvedList proven = list;
    List<Digest> stripes =
        proven != null && proven.root.equals(expected.get()) ? proven.stripes : List.of();
    Optional<SealedDigests> told =
        engine
            .members()
            .digests(member, key, stripe, Blocks.stripeCount(sizeBytes), !stripes.isEmpty());
    if (told.isEmpty()) {
      return Proved.NOTHING;
    }
    if (!isProved(told.get(), stripes, stripe, expected.get())) {
      return new Proved(BlockDigests.NONE, true);
    }
    BlockDigests digests =
        BlockDigests.ofPresent(told.get().blocks().stream().map(Optional::of).toList());
    synchronized (this) {
      proved.put(stripe, digests);
      if (proved.size() > STRIPES_KEPT) {
        proved.remove(proved.keySet().iterator().next());
      }
    }
    return new Proved(digests, false);
  }

  /** A member that has the blob sealed, as far as the coordinator knows; null for none. */
  @Nullable String holder(Set<String> avoided) {
    // Holders of smaller blobs are not recorded.
    if (engine.members().isAlone() || sizeBytes < Blocks.STRIPE_BYTES) {
      return null;
    }
    return known().holders.stream()
        .filter(each -> !avoided.contains(each))
        .findFirst()
        .orElse(null);
  }

  private Optional<Digest> root() {
    return known().root;
  }

  /** What is known after a short wait: a coordinator that is away holds nobody up. */
  private Known known() {
    CompletableFuture<Known> asking = asked.get();
    boolean isOld = asking == null || engine.nanoTime() - askedNanos > ASK_AGAIN_NANOS;
    if (known.root.isEmpty() && isOld && (asking == null || asking.isDone())) {
      CompletableFuture<Known> next = new CompletableFuture<>();
      if (asked.compareAndSet(asking, next)) {
        askedNanos = engine.nanoTime();
        CompletableFuture.supplyAsync(this::ask, engine.callbacks())
            .whenComplete((answer, fault) -> next.complete(fault == null ? answer : known));
      }
      asking = asked.get();
    }
    if (asking == null) {
      return known;
    }
    // Once for each question, not once for each who wants its answer.
    long left = askedNanos + WAIT_NANOS - engine.nanoTime();
    try {
      known = asking.get(Math.max(0, left), TimeUnit.NANOSECONDS);
    } catch (TimeoutException | ExecutionException e) {
      log.debug("root not known in time key={}", key);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted while waiting for a root", e);
    }
    return known;
  }

  private Known ask() {
    Optional<Digest> root = engine.roots().expected(key);
    boolean hasHolders = root.isPresent() && sizeBytes >= Blocks.STRIPE_BYTES;
    return new Known(root, hasHolders ? engine.members().holders(key) : List.of());
  }

  /** Whether blocks are those of the root, by the list that is proved already or the one told. */
  private boolean isProved(SealedDigests told, List<Digest> known, int stripe, Digest expected) {
    List<Digest> stripes = known;
    if (stripes.isEmpty()) {
      stripes = told.stripes();
      if (stripes.size() != Blocks.stripeCount(sizeBytes)
          || !Digests.root(sizeBytes, stripes).equals(expected)) {
        return false;
      }
      if (stripes.size() <= LIST_MAX) {
        list = new ProvedList(expected, List.copyOf(stripes));
      }
    }
    return told.blocks().size() == Blocks.blocksInStripe(sizeBytes, stripe)
        && Digests.stripe(told.blocks()).equals(stripes.get(stripe));
  }
}
