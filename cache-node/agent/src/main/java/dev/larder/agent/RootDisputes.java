package dev.larder.agent;

import dev.larder.agent.fill.FillEngine;
import dev.larder.agent.fill.FillSource;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.Dispute;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.SealedInfo;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.ObjLongConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's part where members do not agree on blobs' roots: its copies are set aside, their keys
 * are read past the store, and where this node is the one to do so it reads the origin again and
 * tells what it found.
 *
 * <p><b>Threads:</b> any; what is read again is read by one thread, blob after blob.
 */
final class RootDisputes implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(RootDisputes.class);

  /**
   * What this node was told itself counts so long, or until the coordinator's list speaks of it.
   */
  private static final long SUSPECT_NANOS = Duration.ofMinutes(1).toNanos();

  /** Beyond it a conflict only sets the copy aside, as every one does. */
  private static final int SUSPECTS_MAX = 10_000;

  private final CoordinatorClient coordinator;
  private final BlobStore store;
  private final String self;
  private final Map<BlobKey, Long> suspects = new ConcurrentHashMap<>();

  /** Roots of the copies that were set aside here, until the dispute is over. */
  private final Map<BlobKey, Digest> aside = new ConcurrentHashMap<>();

  private final Set<Long> reading = ConcurrentHashMap.newKeySet();
  private final AtomicLong lost = new AtomicLong();
  private final AtomicLong read = new AtomicLong();
  private final ExecutorService reader =
      Executors.newSingleThreadExecutor(Thread.ofVirtual().name("read-again-", 0).factory());
  private volatile Map<BlobKey, Dispute> open = Map.of();
  private volatile Map<BlobKey, RecordedRoot> settled = Map.of();
  private volatile @Nullable OriginAgain origin;
  private volatile ObjLongConsumer<BlobKey> forget = (key, size) -> {};

  RootDisputes(CoordinatorClient coordinator, BlobStore store, String self) {
    this.coordinator = coordinator;
    this.store = store;
    this.self = self;
  }

  /** Hands in where blobs come from and who fills them; before anything is heard. */
  void readBy(Function<BlobKey, Optional<FillSource>> sources, FillEngine engine) {
    origin = new OriginAgain(sources, engine.counters());
    forget = engine::disputed;
  }

  /** Whether a blob is to be read past the store. Does not block. */
  boolean isDisputed(BlobKey key) {
    if (open.containsKey(key)) {
      return true;
    }
    Long until = suspects.get(key);
    if (until == null) {
      return false;
    }
    if (System.nanoTime() - until < 0) {
      return true;
    }
    suspects.remove(key, until);
    return false;
  }

  /** This node found or was told that what it sealed is not what another member sealed. */
  void suspect(SealedInfo own, String why) {
    BlobKey key = own.key();
    if (key.kind() == BlobKey.Kind.SHA256) {
      // Sealed means that its content has this digest: the other root is wrong, whoever tells it.
      log.warn("another root is told of content that decides for itself key={}: {}", key, why);
      return;
    }
    RecordedRoot right = settled.get(key);
    if (right != null && right.root().equals(own.root()) && !open.containsKey(key)) {
      // Told before it was settled, heard after.
      return;
    }
    if (suspects.size() < SUSPECTS_MAX) {
      suspects.put(key, System.nanoTime() + SUSPECT_NANOS);
    }
    setAside(key, why);
  }

  /** What the coordinator says of all disputes now; on one thread. */
  void heard(List<Dispute> disputes) {
    Map<BlobKey, Dispute> now =
        disputes.stream()
            .filter(Dispute::isOpen)
            .collect(Collectors.toUnmodifiableMap(Dispute::key, dispute -> dispute));
    final Map<BlobKey, Dispute> before = open;
    settled =
        disputes.stream()
            .flatMap(dispute -> dispute.settled().stream())
            .collect(Collectors.toUnmodifiableMap(RecordedRoot::key, root -> root));
    // Before the copies go, so that nothing fills them again from each other.
    open = now;
    for (Dispute dispute : disputes) {
      suspects.remove(dispute.key());
      try {
        // At its end once more: members may have told of copies that they then set aside.
        if (dispute.isOpen() != isSame(before.get(dispute.key()), dispute)) {
          forget.accept(dispute.key(), dispute.claims().getFirst().sizeBytes());
        }
        if (dispute.isOpen()) {
          setAside(dispute.key(), "members sealed different roots, dispute " + dispute.number());
        } else {
          dispute.settled().ifPresent(this::settled);
        }
      } catch (LarderException e) {
        log.warn("a disputed copy stays for now key={}: {}", dispute.key(), e.getMessage());
      }
      if (dispute.isOpen() && dispute.reader().equals(self) && reading.add(dispute.number())) {
        reader.execute(() -> readAgain(dispute));
      }
    }
    aside.keySet().removeIf(key -> !isDisputed(key));
  }

  /** Disputes that are open, in the order they began. */
  List<Dispute> open() {
    return open.values().stream().sorted(Comparator.comparingLong(Dispute::number)).toList();
  }

  /** Copies of this node whose root was not the one that stood in the end. */
  long lost() {
    return lost.get();
  }

  /** Blobs this node read from the origin again to settle who is right. */
  long readAgain() {
    return read.get();
  }

  @Override
  public void close() {
    reader.shutdownNow();
  }

  private static boolean isSame(@Nullable Dispute known, Dispute dispute) {
    return known != null && known.number() == dispute.number();
  }

  private void setAside(BlobKey key, String why) {
    Optional<BlobStore.BlobInfo> copy = store.find(key);
    copy.flatMap(BlobStore.BlobInfo::root).ifPresent(root -> aside.put(key, root));
    if (copy.isPresent() && store.quarantine(key, why)) {
      log.warn("copy set aside key={}: {}", key, why);
    }
  }

  private void settled(RecordedRoot root) {
    Optional<Digest> here = store.find(root.key()).flatMap(BlobStore.BlobInfo::root);
    if (here.isPresent() && !here.get().equals(root.root())) {
      // This node was away while it was settled.
      setAside(root.key(), "another root was found right");
    }
    Digest own = aside.remove(root.key());
    if (own != null && own.equals(root.root())) {
      log.info("dispute settled: the copy set aside here was right key={}", root.key());
    } else if (own != null) {
      lost.incrementAndGet();
      log.error(
          "dispute settled: the copy set aside here was wrong key={} root={} right={}",
          root.key(),
          own.hex(),
          root.root().hex());
    }
  }

  private void readAgain(Dispute dispute) {
    OriginAgain again = origin;
    try {
      if (again == null) {
        throw new LarderException(ErrorCode.BAD_ORIGIN, "this node has no origins");
      }
      RecordedRoot found = again.read(dispute, self);
      coordinator.recordRoots(List.of(found));
      read.incrementAndGet();
      log.info(
          "origin read again dispute={} key={} root={}",
          dispute.number(),
          dispute.key(),
          found.root().hex());
    } catch (LarderException e) {
      log.warn(
          "origin not read again dispute={} key={} code={}: {}; another member is asked after"
              + " coordinator.dispute-read-time",
          dispute.number(),
          dispute.key(),
          e.code(),
          e.getMessage());
    } catch (RuntimeException e) {
      log.error("reading again broke dispute={}", dispute.number(), e);
    } finally {
      reading.remove(dispute.number());
    }
  }
}
