package dev.larder.agent.job;

import dev.larder.agent.job.Jobs.PinInfo;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.HandOver;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.NewWarmUp;
import dev.larder.coordinator.api.WarmUpJob;
import dev.larder.coordinator.api.WarmUpOverview;
import dev.larder.coordinator.api.WarmUpProgress;
import dev.larder.protocol.SnapshotRef;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a node does while it drains: has each of its pins brought in by another node, gives that one
 * the pin, and lets go; waits for warm-ups that it keeps files for to be ready on all nodes they
 * mean now. Step by step; what was begun is found again after a restart by the names of its
 * requests. One thread.
 */
final class HandingOver {
  private static final Logger log = LoggerFactory.getLogger(HandingOver.class);

  /** A node that dies for good in the midst of it leaves a warm-up for so long. */
  private static final Duration LASTS = Duration.ofDays(1);

  /** The same pin may have been handed over and come back before. */
  private static final int ATTEMPTS_MAX = 100;

  private final String self;
  private final CoordinatorClient coordinator;
  private final LocalPins pins;
  private final Map<PinInfo, WarmUpJob> begun = new HashMap<>();
  private final Set<String> heldBefore = new TreeSet<>();
  private int pinsBefore;
  private String error = "";

  HandingOver(String self, CoordinatorClient coordinator, LocalPins pins) {
    this.self = self;
    this.coordinator = coordinator;
    this.pins = pins;
  }

  /**
   * Gets as far as it can without waiting for others.
   *
   * @param standing warm-ups that stand, by id
   */
  HandOver step(Map<String, WarmUpJob> standing) {
    error = "";
    List<PinInfo> own = pins.own();
    pinsBefore = Math.max(pinsBefore, own.size());
    pins.held().stream().filter(standing::containsKey).forEach(heldBefore::add);
    int left = own.size();
    if (!own.isEmpty() || !pins.held().isEmpty()) {
      Map<String, WarmUpOverview> overviews = new HashMap<>();
      coordinator.warmUps().forEach(each -> overviews.put(each.job().id(), each));
      for (PinInfo pin : own) {
        left -= isHandedOver(pin, overviews) ? 1 : 0;
      }
      for (String id : pins.held()) {
        letGo(id, overviews);
      }
    }
    int held = (int) pins.held().stream().filter(heldBefore::contains).count();
    return new HandOver(pinsBefore, left, heldBefore.size(), held, error);
  }

  /** The node stays: what was begun for it ends. */
  void undo() {
    begun.values().forEach(job -> coordinator.cancelWarmUp(job.id()));
    begun.clear();
    heldBefore.clear();
    pinsBefore = 0;
  }

  private boolean isHandedOver(PinInfo pin, Map<String, WarmUpOverview> overviews) {
    WarmUpJob job = begun.get(pin);
    WarmUpOverview overview = job == null ? null : overviews.get(job.id());
    if (overview == null || !overview.job().isStanding()) {
      begun.put(pin, begin(pin));
      return false;
    }
    Optional<String> ready = ready(overview, "pin of " + pin.snapshot());
    if (ready.isEmpty()) {
      return false;
    }
    SnapshotRef ref = SnapshotRef.parse(pin.snapshot());
    NewPin mine =
        new NewPin(
            ref.dataset(),
            ref.snapshot().orElse(0),
            pin.glob(),
            pin.expiresAt(),
            self,
            pin.files(),
            pin.bytes());
    // False where it ended meanwhile: then it is nobody's, and the next word of the coordinator's
    // says so here too.
    boolean moved = coordinator.movePin(mine, ready.get());
    pins.handedOver(pin);
    coordinator.cancelWarmUp(overview.job().id());
    begun.remove(pin);
    log.info("pin handed over snapshot={} to={} moved={}", pin.snapshot(), ready.get(), moved);
    return true;
  }

  /** A warm-up on one other node, kept there until the pin is that node's. */
  private WarmUpJob begin(PinInfo pin) {
    SnapshotRef ref = SnapshotRef.parse(pin.snapshot());
    long number = pins.pinnedSnapshot(pin);
    String name =
        "hand-over "
            + self
            + ' '
            + pin.snapshot()
            + ' '
            + Integer.toHexString(pin.glob().hashCode())
            + ' '
            + pin.createdAt();
    WarmUpJob job = null;
    for (int attempt = 0; attempt < ATTEMPTS_MAX && (job == null || !job.isStanding()); attempt++) {
      job =
          coordinator.warmUp(
              new NewWarmUp(
                  ref.dataset(), number, pin.glob(), "1", LASTS, true, name + ' ' + attempt));
    }
    return java.util.Objects.requireNonNull(job);
  }

  private void letGo(String id, Map<String, WarmUpOverview> overviews) {
    WarmUpOverview overview = overviews.get(id);
    if (overview == null || !overview.job().isStanding()) {
      return;
    }
    if (ready(overview, "warm-up " + id).isPresent()) {
      pins.release(id);
      log.info("warm-up handed over id={} to={}", id, overview.nodes().keySet());
    }
  }

  /** A node that has it all, once each of those meant has. */
  private Optional<String> ready(WarmUpOverview overview, String what) {
    if (overview.nodes().isEmpty()) {
      error = what + ": no other node is there to take it over";
      return Optional.empty();
    }
    for (Map.Entry<String, WarmUpProgress> node : overview.nodes().entrySet()) {
      if (node.getValue().state() == WarmUpProgress.State.FAILED) {
        error = what + ": " + node.getKey() + ": " + node.getValue().error();
      }
      if (node.getValue().state() != WarmUpProgress.State.READY) {
        return Optional.empty();
      }
    }
    return overview.nodes().keySet().stream().findFirst();
  }
}
