package dev.larder.agent;

import dev.larder.agent.config.DurableFiles;
import dev.larder.agent.fill.Roots;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
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
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
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

  private final CoordinatorClient coordinator;
  private final String memberId;
  private final Path mark;
  private final ArrayBlockingQueue<SealedInfo> queue;
  private final AtomicLong conflicts = new AtomicLong();
  private volatile boolean isMarked;
  private volatile boolean mustTellAll;
  private volatile long silentUntilNanos = System.nanoTime();

  RootLedger(CoordinatorClient coordinator, String memberId, Path directory, int reportsMax) {
    this.memberId = memberId;
    this.coordinator = coordinator;
    this.mark = directory.resolve("roots-pending");
    this.queue = new ArrayBlockingQueue<>(reportsMax);
  }

  void start() {
    isMarked = Files.exists(mark);
    mustTellAll = isMarked;
  }

  @Override
  public Optional<Digest> expected(BlobKey key) {
    if (System.nanoTime() - silentUntilNanos < 0) {
      return Optional.empty();
    }
    try {
      return Optional.ofNullable(coordinator.roots(List.of(key)).get(key)).map(RecordedRoot::root);
    } catch (LarderException e) {
      silentUntilNanos = System.nanoTime() + ASK_AGAIN_NANOS;
      log.info("root not asked key={} code={}", key, e.code());
      return Optional.empty();
    }
  }

  @Override
  public void sealed(SealedInfo info) {
    if (!isMarked) {
      setMark();
    }
    if (!queue.offer(info)) {
      mustTellAll = true;
    }
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
        tell(batch, store);
      } catch (LarderException e) {
        mustTellAll |= !requeue(batch);
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

  private boolean requeue(List<SealedInfo> batch) {
    boolean all = true;
    for (SealedInfo info : batch) {
      all &= queue.offer(info);
    }
    return all;
  }

  private void tellAll(BlobStore store) {
    List<SealedInfo> batch = new ArrayList<>();
    store.forEach(info -> {
      if (info.state() == State.SEALED && info.root().isPresent() && info.trust().isPresent()) {
        batch.add(sealed(info, info.root().get()));
      }
      if (batch.size() == BATCH) {
        tell(batch, store);
        batch.clear();
      }
    });
    if (!batch.isEmpty()) {
      tell(batch, store);
    }
  }

  private static SealedInfo sealed(BlobInfo info, Digest root) {
    return new SealedInfo(info.key(), info.sizeBytes(), root, info.trust().orElseThrow());
  }

  private void tell(List<SealedInfo> batch, BlobStore store) {
    List<RecordedRoot> standing =
        coordinator.recordRoots(
            batch.stream()
                .map(info ->
                    new RecordedRoot(
                        info.key(), info.sizeBytes(), info.root(), info.trust(), memberId))
                .toList());
    for (RecordedRoot other : standing) {
      conflicts.incrementAndGet();
      log.error("another root is recorded key={} by={}", other.key(), other.memberId());
      store.quarantine(other.key(), "another root is recorded by " + other.memberId());
    }
  }

  private synchronized void setMark() {
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
