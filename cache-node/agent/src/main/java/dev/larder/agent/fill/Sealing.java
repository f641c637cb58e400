package dev.larder.agent.fill;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.Fill;
import dev.larder.store.BlobStore.SealedInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes a complete fill final, or finds that its root is not the one recorded. */
final class Sealing {
  private static final Logger log = LoggerFactory.getLogger(Sealing.class);

  /**
   * Readers may wait for the seal: a coordinator that does not answer soon is not waited for. The
   * root is told to it in any case, and a disagreement is found then.
   */
  private static final long ROOT_WAIT_MILLIS = 250;

  private Sealing() {}

  /** What became of a seal: exactly one of both. */
  record Outcome(Optional<SealedInfo> sealed, Optional<LarderException> failure) {}

  /**
   * Seals a fill. Never throws: STORE_CORRUPT means that another root is recorded, the blob was set
   * aside, and without hearsay in it is disputed from now on; INTERNAL what should not have
   * happened; the rest is as {@link Fill#seal}.
   */
  static Outcome seal(
      FillEngine engine, Supplier<Fill> fill, ChecksumWatch checksum, Hearsay hearsay) {
    try {
      return new Outcome(
          Optional.of(seal(engine, fill.get(), checksum.now(), hearsay)), Optional.empty());
    } catch (LarderException e) {
      return new Outcome(Optional.empty(), Optional.of(e));
    } catch (RuntimeException | Error e) {
      log.error("sealing broke", e);
      return new Outcome(Optional.empty(), Optional.of(Faults.of(e)));
    }
  }

  private static SealedInfo seal(
      FillEngine engine, Fill fill, Optional<ContentChecksum> checksum, Hearsay hearsay) {
    BlobKey key = fill.key();
    if (key.kind() == BlobKey.Kind.SHA256) {
      // A key that is the content's own digest says who is right, whatever root was recorded.
      return fill.seal(Trust.ATTESTED, Optional.empty(), checksum);
    }
    Optional<Digest> expected = expected(engine, key);
    if (expected.isEmpty() || fill.isSealed()) {
      return fill.seal(Trust.ATTESTED, expected, checksum);
    }
    Digest own = root(fill);
    if (own.equals(expected.get())) {
      return fill.seal(Trust.ATTESTED, expected, checksum);
    }
    if (checksum.isPresent()) {
      // The origin itself says whether this is right; what it vouches for is reported as sealed.
      return fill.seal(Trust.ATTESTED, Optional.empty(), checksum);
    }
    if (!hearsay.isEmpty()) {
      // Members' word stands against the record: without them it may well be what is recorded.
      engine.store().quarantine(key, "with blocks of members its root is not the one recorded");
      throw new LarderException(
          ErrorCode.STORE_CORRUPT, key + " was made of members' blocks and has another root");
    }
    engine.counters().originWasWrong();
    engine.roots().disagrees(new SealedInfo(key, fill.sizeBytes(), own, Trust.ATTESTED));
    engine.store().quarantine(key, "another root is recorded");
    throw new LarderException(
        ErrorCode.STORE_CORRUPT, key + " has another root than the one recorded");
  }

  private static Optional<Digest> expected(FillEngine engine, BlobKey key) {
    CompletableFuture<Optional<Digest>> asking =
        CompletableFuture.supplyAsync(() -> engine.roots().expected(key), engine.callbacks());
    try {
      return asking.get(ROOT_WAIT_MILLIS, TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      log.debug("sealed without the recorded root, which is not known in time key={}", key);
      return Optional.empty();
    } catch (ExecutionException e) {
      throw Faults.again(Faults.of(e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted while waiting for a root", e);
    }
  }

  private static Digest root(Fill fill) {
    List<Digest> stripes = new ArrayList<>();
    for (int stripe = 0; stripe < Blocks.stripeCount(fill.sizeBytes()); stripe++) {
      int which = stripe;
      stripes.add(
          fill.stripeDigest(stripe)
              .orElseThrow(() ->
                  new LarderException(
                      ErrorCode.UNKNOWN_BLOB, fill.key() + " lacks blocks of stripe " + which)));
    }
    return Digests.root(fill.sizeBytes(), stripes);
  }
}
