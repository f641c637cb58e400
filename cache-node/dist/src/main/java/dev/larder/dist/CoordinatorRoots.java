package dev.larder.dist;

import dev.larder.agent.fill.Roots;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore.SealedInfo;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reports roots of sealed blobs to the coordinator in batches, and asks it for recorded ones.
 *
 * <p>Reports wait in a bounded queue while the coordinator is away; when it is full the oldest are
 * dropped, as a root can be reported again whenever its blob is read. One thread sends. Any thread
 * may call.
 */
final class CoordinatorRoots implements Roots, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(CoordinatorRoots.class);
  private static final int QUEUE_MAX = 100_000;
  private static final int BATCH_MAX = 1000;
  private static final long PAUSE_MILLIS = 1000;
  private static final Duration CLOSE_WAIT = Duration.ofSeconds(5);

  private final CoordinatorClient coordinator;
  private final String memberId;
  private final ArrayBlockingQueue<RecordedRoot> queue = new ArrayBlockingQueue<>(QUEUE_MAX);
  private final Thread sender = Thread.ofPlatform().daemon().name("roots").unstarted(this::send);
  private volatile boolean closed;

  CoordinatorRoots(CoordinatorClient coordinator, String memberId) {
    this.coordinator = coordinator;
    this.memberId = memberId;
  }

  void start() {
    sender.start();
  }

  @Override
  public Optional<Digest> expected(BlobKey key) {
    try {
      Map<BlobKey, RecordedRoot> known = coordinator.roots(List.of(key));
      return Optional.ofNullable(known.get(key)).map(RecordedRoot::root);
    } catch (LarderException e) {
      // Without a coordinator a blob is sealed as attested and reported later.
      log.debug("no recorded root key={} code={}", key, e.code());
      return Optional.empty();
    }
  }

  @Override
  public void sealed(SealedInfo info) {
    RecordedRoot root =
        new RecordedRoot(info.key(), info.sizeBytes(), info.root(), info.trust(), memberId);
    while (!queue.offer(root)) {
      queue.poll();
    }
  }

  private void send() {
    List<RecordedRoot> batch = new ArrayList<>();
    while (!closed || !queue.isEmpty()) {
      try {
        if (batch.isEmpty()) {
          RecordedRoot first = queue.poll(PAUSE_MILLIS, TimeUnit.MILLISECONDS);
          if (first == null) {
            continue;
          }
          batch.add(first);
          queue.drainTo(batch, BATCH_MAX - 1);
        }
        List<RecordedRoot> conflicts = coordinator.recordRoots(batch);
        for (RecordedRoot standing : conflicts) {
          log.warn("another root is recorded key={} by={}", standing.key(), standing.memberId());
        }
        batch.clear();
      } catch (LarderException e) {
        if (closed) {
          return;
        }
        log.debug("roots wait for the coordinator code={}", e.code());
        pause();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private void pause() {
    try {
      Thread.sleep(PAUSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    closed = true;
    try {
      if (!sender.join(CLOSE_WAIT)) {
        sender.interrupt();
      }
    } catch (InterruptedException e) {
      sender.interrupt();
      Thread.currentThread().interrupt();
    }
  }
}
