package dev.larder.agent;

import dev.larder.agent.config.DurableFiles;
import dev.larder.agent.fill.Roots;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.BlobInfo;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.BlobStore.State;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Records the roots of blobs sealed here, in batches; what the coordinator could not take is kept,
 * over restarts too. {@link #flush} belongs to one thread, the rest to any.
 */
final class RootLedger implements Roots {
  /*
   * Not reported yet is kept as one mark on disk, not as a list: whoever finds the mark at the start,
   * or lost entries to a full queue, reports every sealed blob again, which the coordinator takes as
   * nothing new. The mark is written before the first entry is queued and taken away when all is told.
   */
  private static final Logger log = LoggerFactory.getLogger(RootLedger.class);
  private static final int BATCH = 1000;
  private static final long ASK_AGAIN_NANOS = Duration.ofSeconds(5).toNanos();

  /** A question unanswered for so long means that others would wait in vain. */
  private static final long UNANSWERED_NANOS = Duration.ofMillis(250).toNanos();

  private final CoordinatorClient coordinator;
  private final String memberId;
  private final RootDisputes disputes;
  private final Path mark;
  private final ArrayBlockingQueue<SealedInfo> queue;
  private final AtomicLong conflicts = new AtomicLong();
  private final AtomicLong setAside = new AtomicLong();
  private final int reportsMax;

  /** Belongs to who flushes; bounded by reportsMax. */
  private final Set<BlobKey> refused = new HashSet<>();

  private volatile boolean isMarked;
  private volatile boolean mustTellAll;
  private volatile long silentUntilNanos = System.nanoTime();

  /** When the oldest question began that has no answer yet; null for none. */
  private final AtomicReference<@Nullable Long> unansweredSince = new AtomicReference<>();

  RootLedger(
      CoordinatorClient coordinator,
      String memberId,
      RootDisputes disputes,
      Path directory,
      int reportsMax) {
    this.memberId = memberId;
    this.disputes = disputes;
    this.coordinator = coordinator;
    this.mark = directory.resolve("roots-pending");
    this.reportsMax = reportsMax;
    this.queue = new ArrayBlockingQueue<>(reportsMax);
  }

  void start() {
    isMarked = Files.exists(mark);
    mustTellAll = isMarked;
  }

  @Override
  public Optional<Digest> expected(BlobKey key) {
    long now = System.nanoTime();
    Long oldest = unansweredSince.get();
    if (now - silentUntilNanos < 0 || (oldest != null && now - oldest > UNANSWERED_NANOS)) {
      return Optional.empty();
    }
    boolean isOldest = unansweredSince.compareAndSet(null, now);
    try {
      return Optional.ofNullable(coordinator.roots(List.of(key)).get(key)).map(RecordedRoot::root);
    } catch (LarderException e) {
      silentUntilNanos = System.nanoTime() + ASK_AGAIN_NANOS;
      log.info("root not asked key={} code={}", key, e.code());
      return Optional.empty();
    } finally {
      if (isOldest) {
        unansweredSince.set(null);
      }
    }
  }

  @Override
  public synchronized void sealed(SealedInfo info) {
    // One step for clearMark: else the mark could go between the look at it and the offer.
    setMark();
    if (!queue.offer(info)) {
      mustTellAll = true;
    }
  }

  @Override
  public boolean isDisputed(BlobKey key) {
    return disputes.isDisputed(key);
  }

  @Override
  public void disagrees(SealedInfo own) {
    disputes.suspect(own, "another root is recorded");
    sealed(own);
  }

  /** Tells what is waiting; the coordinator's fault, if any, is the caller's to bear. */
  void flush(BlobStore store) {
    if (mustTellAll) {
      mustTellAll = false;
      try {
        tellAll(store);
      } catch (LarderException e) {
        mustTellAll = true;
        throw e;
      }
    }
    List<SealedInfo> batch = new ArrayList<>();
    while (queue.drainTo(batch, BATCH) > 0) {
      try {
        tell(batch);
      } catch (LarderException e) {
        requeue(batch);
        throw e;
      }
      batch.clear();
    }
    clearMark();
  }

  /** Blobs whose root was not the one recorded. */
  long conflicts() {
    return conflicts.get();
  }

  /** Roots the coordinator will never take. */
  long setAside() {
    return setAside.get();
  }

  /** Roots that wait to be told. */
  int waiting() {
    return queue.size();
  }

  private void requeue(List<SealedInfo> batch) {
    for (SealedInfo info : batch) {
      if (!queue.offer(info)) {
        mustTellAll = true;
      }
    }
  }

  private void tellAll(BlobStore store) {
    List<SealedInfo> batch = new ArrayList<>();
    store.forEach(info -> {
      if (info.state() == State.SEALED && info.root().isPresent() && info.trust().isPresent()) {
        batch.add(sealed(info, info.root().get()));
      }
      if (batch.size() == BATCH) {
        tell(batch);
        batch.clear();
      }
    });
    if (!batch.isEmpty()) {
      tell(batch);
    }
  }

  private static SealedInfo sealed(BlobInfo info, Digest root) {
    return new SealedInfo(info.key(), info.sizeBytes(), root, info.trust().orElseThrow());
  }

  /** Tells a batch; a root that is refused as bad keeps none of the others back. */
  private void tell(List<SealedInfo> batch) {
    try {
      tellTogether(batch);
    } catch (LarderException e) {
      if (e.code() != ErrorCode.BAD_REQUEST && e.code() != ErrorCode.BAD_KEY) {
        throw e;
      }
      if (batch.size() > 1) {
        int half = batch.size() / 2;
        tell(List.copyOf(batch.subList(0, half)));
        tell(List.copyOf(batch.subList(half, batch.size())));
        return;
      }
      setAside(batch.getFirst().key(), e);
    }
  }

  private void setAside(BlobKey key, LarderException e) {
    if (refused.size() < reportsMax && refused.add(key)) {
      setAside.incrementAndGet();
      log.error(
          "the coordinator refuses a root for good, it is set aside key={} code={}: {}",
          key,
          e.code(),
          e.getMessage());
    }
  }

  private void tellTogether(List<SealedInfo> batch) {
    List<RecordedRoot> standing =
        coordinator.recordRoots(
            batch.stream()
                .map(info ->
                    new RecordedRoot(
                        info.key(), info.sizeBytes(), info.root(), info.trust(), memberId))
                .toList());
    Map<BlobKey, SealedInfo> own =
        batch.stream().collect(Collectors.toMap(SealedInfo::key, info -> info, (one, two) -> two));
    for (RecordedRoot other : standing) {
      conflicts.incrementAndGet();
      log.error("another root is recorded key={} by={}", other.key(), other.memberId());
      SealedInfo mine = own.get(other.key());
      if (mine != null) {
        disputes.suspect(mine, "another root is recorded by " + other.memberId());
      }
    }
  }

  /** Under this object's lock. */
  private void setMark() {
    if (!isMarked) {
      try {
        DurableFiles.replace(mark, "1\n".getBytes(StandardCharsets.US_ASCII));
        isMarked = true;
      } catch (LarderException e) {
        log.warn("roots waiting are not remembered over a restart: {}", e.getMessage());
      }
    }
  }

  private synchronized void clearMark() {
    if (isMarked && queue.isEmpty() && !mustTellAll) {
      DurableFiles.delete(mark);
      isMarked = false;
    }
  }
}
