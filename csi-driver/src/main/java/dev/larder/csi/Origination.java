package dev.larder.csi;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.DatasetInfo;
import dev.larder.csi.VolumeAttributes.OriginSpec;
import dev.larder.csi.Volumes.Publication;
import dev.larder.origin.OriginOptions;
import dev.larder.origin.SecretMemory;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Datasets that are made of a volume's origin and secret. The name is a digest of both, so those
 * who know the same secret share a dataset, and a wrong one spoils nobody else's. The dataset stays
 * for a while when the volume goes, for the next pod: that one's secret opens it only where the
 * origin accepts it still, and it sees a listing as old as the configuration allows.
 *
 * <p><b>Threads:</b> any; one listing of an origin at a time for all who want it.
 */
final class Origination {
  private static final Logger log = LoggerFactory.getLogger(Origination.class);
  private static final String PREFIX = "csi-";
  private static final int NAME_DIGITS = 32;

  private final Datasets datasets;
  private final OriginCheck check;
  private final VolumeSecrets secrets;
  private final Leftovers leftovers;
  private final Freshness freshness;
  private final int most;
  private final Map<Making, CompletableFuture<Optional<LarderException>>> making = new HashMap<>();

  /** What a pod has listed now. Guarded by this. */
  private final Map<String, CompletableFuture<Optional<LarderException>>> ofPods = new HashMap<>();

  private final Map<DatasetName, CompletableFuture<Void>> deleting = new HashMap<>();
  // Guarded by this: being listed for the first time, or again for those who follow.
  private final Set<DatasetName> creating = new HashSet<>();
  private final Set<DatasetName> following = new HashSet<>();
  private volatile Predicate<DatasetName> isShown = name -> true;

  /** Asks an origin whether it is there and accepts these secrets. */
  @FunctionalInterface
  interface OriginCheck {
    /** Blocks; LarderException as listing gives it. */
    void run(String uri, OriginOptions options, SecretMemory own);
  }

  /**
   * A dataset for a volume.
   *
   * @param fault why its listing is an old one; empty where it is not
   */
  record Made(SnapshotRef snapshot, Optional<LarderException> fault) {}

  /**
   * What is at work.
   *
   * @param isNewest whether the newest snapshot is wanted, not one by its number
   */
  private record Making(DatasetName name, boolean isNewest) {}

  /**
   * What a volume waits for.
   *
   * @param isOwn whether it is what the volume asked for, not what its pod asked for before
   */
  private record Turn(CompletableFuture<Optional<LarderException>> result, boolean isOwn) {}

  /**
   * Datasets of a node.
   *
   * @param most datasets of this kind in the cluster
   */
  Origination(
      Datasets datasets,
      OriginCheck check,
      VolumeSecrets secrets,
      Leftovers leftovers,
      Freshness freshness,
      int most) {
    this.datasets = datasets;
    this.check = check;
    this.secrets = secrets;
    this.leftovers = leftovers;
    this.freshness = freshness;
    this.most = most;
  }

  /**
   * Hands in what must not be taken away; until then nothing is.
   *
   * @param isUsed whether a volume shows a dataset, or somebody pinned it
   */
  void keepWhat(Predicate<DatasetName> isUsed) {
    isShown = isUsed;
  }

  /**
   * The dataset of a volume's origin, made if there is none, listed again where that is due.
   *
   * @throws LarderException BAD_ORIGIN, ORIGIN_DENIED and what else listing an origin gives;
   *     CANCELLED when the work is called off, while the listing goes on for the next who asks
   */
  Made ensure(Publication wanted, Work work) {
    OriginSpec spec = wanted.attributes().origin().orElseThrow();
    Map<String, String> secret = OriginSecrets.options(wanted.secrets(), wanted.inline());
    DatasetName name = name(spec, secret);
    Making what = new Making(name, wanted.attributes().number().isEmpty());
    try {
      secrets.remember(wanted.target(), name, secret);
      Optional<LarderException> fault = awaitMade(what, spec, secret, wanted, work);
      return new Made(new SnapshotRef(name, wanted.attributes().number()), fault);
    } catch (RuntimeException e) {
      forget(wanted.volumeId(), wanted.target());
      throw e;
    }
  }

  /**
   * A pod has one origin asked at a time and waits with the next: few listings are allowed at once,
   * and one pod whose origins never answer must leave some to others.
   */
  private Optional<LarderException> awaitMade(
      Making what, OriginSpec spec, Map<String, String> secret, Publication wanted, Work work) {
    while (true) {
      Turn turn = turn(what, spec, secret, wanted.pod());
      if (turn.isOwn()) {
        return work.await(turn.result());
      }
      // Whatever it came to: that is for who asked for it.
      Object unused = work.await(turn.result().handle((fault, thrown) -> true));
    }
  }

  private synchronized Turn turn(
      Making what, OriginSpec spec, Map<String, String> secret, Optional<PodRef> pod) {
    if (pod.isEmpty() || making.containsKey(what)) {
      return new Turn(make(what, spec, secret), true);
    }
    String whose = pod.get().uid();
    CompletableFuture<Optional<LarderException>> other = ofPods.get(whose);
    if (other != null && !other.isDone()) {
      return new Turn(other, false);
    }
    CompletableFuture<Optional<LarderException>> own = make(what, spec, secret);
    ofPods.put(whose, own);
    var unused = own.whenComplete((fault, thrown) -> isOver(whose, own));
    return new Turn(own, true);
  }

  private synchronized void isOver(
      String pod, CompletableFuture<Optional<LarderException>> result) {
    boolean unused = ofPods.remove(pod, result);
  }

  private synchronized CompletableFuture<Optional<LarderException>> make(
      Making what, OriginSpec spec, Map<String, String> secret) {
    CompletableFuture<Optional<LarderException>> known = making.get(what);
    if (known != null) {
      return known;
    }
    CompletableFuture<Optional<LarderException>> result = new CompletableFuture<>();
    making.put(what, result);
    CompletableFuture<Void> gone =
        deleting.getOrDefault(what.name(), CompletableFuture.completedFuture(null));
    Thread.ofVirtual()
        .name("csi-dataset")
        .start(() -> {
          try {
            // It is being taken away just now: then it is made anew.
            gone.join();
            Optional<LarderException> fault = made(what, spec, secret);
            end(what);
            result.complete(fault);
          } catch (RuntimeException | Error e) {
            end(what);
            result.completeExceptionally(e);
          }
        });
    return result;
  }

  private synchronized void end(Making what) {
    making.remove(what);
  }

  private Optional<LarderException> made(Making what, OriginSpec spec, Map<String, String> secret) {
    DatasetName name = what.name();
    OriginOptions options = options(name, spec, secret);
    boolean isNoted = leftovers.note(name);
    try {
      Optional<DatasetInfo> known = find(name, spec.uri(), options);
      if (known.isEmpty()) {
        known = created(name, spec.uri(), options);
      }
      Optional<LarderException> fault =
          known.isPresent() ? renewed(what, known.get(), spec, secret) : Optional.empty();
      leftovers.used(name);
      return fault;
    } catch (RuntimeException | Error e) {
      if (isNoted) {
        leftovers.forget(name);
        freshness.forget(name);
      }
      throw e;
    }
  }

  /** Makes a dataset; another node's, where that was first. */
  private Optional<DatasetInfo> created(DatasetName name, String uri, OriginOptions options) {
    synchronized (this) {
      creating.add(name);
    }
    try {
      makeRoom();
      DatasetInfo info = datasets.create(name, uri, options, progress -> {});
      freshness.accepted(name);
      freshness.listed(name);
      log.info("made dataset={} for a volume snapshots={}", name, info.snapshots().size());
      return Optional.empty();
    } catch (LarderException e) {
      if (e.code() != ErrorCode.ALREADY_EXISTS) {
        throw e;
      }
      DatasetInfo there =
          find(name, uri, options)
              .orElseThrow(() ->
                  new LarderException(
                      ErrorCode.COORDINATOR_UNAVAILABLE,
                      "dataset " + name + " is being made by another node; try again",
                      e));
      return Optional.of(there);
    } finally {
      synchronized (this) {
        creating.remove(name);
      }
    }
  }

  /** Whoever may create pods must not use up what all datasets of the cluster share. */
  private void makeRoom() {
    while (count() > most) {
      if (!takeOldest()) {
        throw new LarderException(
            ErrorCode.TOO_MANY,
            "csi.datasets-max: " + most + " datasets made of origins of volumes are in use");
      }
    }
  }

  private int count() {
    Set<DatasetName> all = new HashSet<>();
    datasets.list().stream().map(DatasetInfo::name).filter(Origination::isMade).forEach(all::add);
    synchronized (this) {
      all.addAll(creating);
    }
    return all.size();
  }

  private boolean takeOldest() {
    for (DatasetName name : leftovers.oldestFirst()) {
      if (!isShown.test(name) && delete(name)) {
        leftovers.forget(name);
        log.info("csi.datasets-max: {} are there; dataset={}, unused, is gone", most, name);
        return true;
      }
    }
    return false;
  }

  private Optional<DatasetInfo> find(DatasetName name, String uri, OriginOptions options) {
    try {
      DatasetInfo info = datasets.get(name);
      if (!info.uri().equals(uri) || !info.options().equals(options)) {
        throw new LarderException(
            ErrorCode.ALREADY_EXISTS, "dataset " + name + " is of another origin");
      }
      return info.snapshots().isEmpty() ? Optional.empty() : Optional.of(info);
    } catch (LarderException e) {
      if (e.code() == ErrorCode.UNKNOWN_DATASET) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /**
   * Asks for what is due: whether the origin accepts the secret still, and a newer listing.
   *
   * @return why the listing is an old one
   */
  private Optional<LarderException> renewed(
      Making what, DatasetInfo info, OriginSpec spec, Map<String, String> secret) {
    DatasetName name = what.name();
    boolean isOld = what.isNewest() && isOld(info);
    boolean isOpen = secret.isEmpty() || freshness.isAcceptedLately(name);
    if (!isOld && isOpen) {
      return Optional.empty();
    }
    try {
      asked(name, spec, secret);
    } catch (LarderException e) {
      if (!isAway(e)) {
        throw e;
      }
      if (!secret.isEmpty() && !freshness.isAccepted(name)) {
        throw new LarderException(
            ErrorCode.ORIGIN_UNAVAILABLE,
            e.getMessage()
                + "; what is cached of it stays closed, as this agent did not see the origin accept"
                + " the volume's secret yet",
            e);
      }
      return Optional.of(e);
    }
    return isOld ? listed(name) : Optional.empty();
  }

  private boolean isOld(DatasetInfo info) {
    return freshness.isOld(info.name(), info.snapshots().getLast().listedTo());
  }

  /** Shows the origin this very secret: in force may be another one. */
  private void asked(DatasetName name, OriginSpec spec, Map<String, String> secret) {
    SecretMemory own = new SecretMemory(OriginSecrets.OPTIONS.size());
    OriginOptions options = options(name, spec, secret);
    secret.forEach((option, value) -> own.put(VolumeSecrets.key(name, option), value));
    try {
      check.run(spec.uri(), options, own);
    } catch (LarderException e) {
      if (e.code() == ErrorCode.ORIGIN_DENIED) {
        freshness.refused(name);
      }
      throw e;
    }
    freshness.accepted(name);
    secrets.accepted(name, secret);
  }

  private static boolean isAway(LarderException fault) {
    return fault.code() == ErrorCode.ORIGIN_UNAVAILABLE || fault.code() == ErrorCode.DEADLINE;
  }

  /** Lists again; the fault where the old listing has to do. */
  private Optional<LarderException> listed(DatasetName name) {
    boolean isChanged = freshness.listing(name);
    try {
      DatasetInfo info = datasets.refresh(name, progress -> {});
      freshness.listed(name);
      log.info("listed again dataset={} snapshots={}", name, info.snapshots().size());
      return Optional.empty();
    } catch (LarderException e) {
      if (isChanged) {
        freshness.changed(name);
      }
      return switch (e.code()) {
        case ORIGIN_UNAVAILABLE, DEADLINE, COORDINATOR_UNAVAILABLE, STORE_FULL, TOO_MANY ->
            Optional.of(e);
        default -> throw e;
      };
    }
  }

  /**
   * Lists the origin of a published volume again where that is due, for those who follow it;
   * returns at once.
   *
   * @param failed is told of a fault that somebody can mend
   */
  void follow(DatasetName name, Consumer<LarderException> failed) {
    synchronized (this) {
      if (!isMade(name) || !following.add(name)) {
        return;
      }
    }
    Thread.ofVirtual()
        .name("csi-follow")
        .start(() -> {
          try {
            if (isOld(datasets.get(name))) {
              listed(name).ifPresent(failed);
            }
          } catch (LarderException e) {
            log.info("not listed again dataset={} code={}: {}", name, e.code(), e.getMessage());
            failed.accept(e);
          } finally {
            synchronized (this) {
              following.remove(name);
            }
          }
        });
  }

  /**
   * Takes the secret that came with a publish for a volume's dataset. What a pod's author says of a
   * dataset that others made is no secret of it, and tokens of its pod's account are none either.
   */
  void refresh(Publication wanted, DatasetName dataset) {
    boolean isOwn = wanted.attributes().origin().isPresent() || !wanted.inline();
    if (!isOwn) {
      return;
    }
    Map<String, String> secret = OriginSecrets.options(wanted.secrets(), wanted.inline());
    if (!secret.isEmpty()) {
      secrets.remember(wanted.target(), dataset, secret);
    }
  }

  /** A read of a dataset was not served by its origin. */
  void readFailed(DatasetName name, ErrorCode code) {
    switch (code) {
      case ORIGIN_DENIED -> {
        secrets.refused(name);
        freshness.refused(name);
      }
      case ORIGIN_CHANGED, ORIGIN_GONE -> {
        if (isMade(name)) {
          freshness.changed(name);
        }
      }
      default -> {
        return;
      }
    }
  }

  /** A volume needs its secret no longer. */
  void forget(String volumeId, Path target) {
    secrets.forget(target);
    log.debug("volume={} has no secret any longer", volumeId);
  }

  /** Takes datasets away that were made here and that no volume used for a while. */
  void sweep() {
    leftovers.sweep(isShown, this::delete);
  }

  private boolean delete(DatasetName name) {
    CompletableFuture<Void> over = new CompletableFuture<>();
    synchronized (this) {
      boolean isMaking = making.keySet().stream().anyMatch(each -> each.name().equals(name));
      if (secrets.isUsed(name) || isMaking || deleting.containsKey(name)) {
        return false;
      }
      deleting.put(name, over);
    }
    try {
      datasets.delete(name);
      freshness.forget(name);
      return true;
    } catch (LarderException e) {
      if (e.code() == ErrorCode.UNKNOWN_DATASET) {
        freshness.forget(name);
        return true;
      }
      log.info("dataset={} stays for now code={}: {}", name, e.code(), e.getMessage());
      return false;
    } finally {
      synchronized (this) {
        deleting.remove(name);
      }
      over.complete(null);
    }
  }

  /**
   * Lists for a volume that is being created: its secret is there meanwhile, and no longer.
   *
   * @param given as they came
   * @param list makes the dataset
   */
  <T> T listing(
      DatasetName name,
      OriginSpec spec,
      Map<String, String> given,
      Function<OriginOptions, T> list) {
    Map<String, String> secret = OriginSecrets.options(given, false);
    OriginOptions options = options(name, spec, secret);
    try {
      secrets.lend(name, secret);
      return list.apply(options);
    } finally {
      secrets.takeBack(name);
    }
  }

  /** A created volume's dataset is gone. */
  void deleted(DatasetName name) {
    secrets.takeBack(name);
  }

  private static OriginOptions options(
      DatasetName name, OriginSpec spec, Map<String, String> secret) {
    Map<String, String> all = new TreeMap<>(spec.options().values());
    for (String option : secret.keySet()) {
      if (all.put(option, VolumeSecrets.reference(name, option)) != null) {
        throw Statuses.invalid(
            "attribute origin." + option + ": the volume's secret says it already");
      }
    }
    return new OriginOptions(all);
  }

  private static boolean isMade(DatasetName name) {
    return name.text().startsWith(PREFIX);
  }

  private static DatasetName name(OriginSpec spec, Map<String, String> secret) {
    String text =
        "larder-csi-1\n"
            + spec.uri()
            + "\n"
            + new TreeMap<>(spec.options().values())
            + "\n"
            + new TreeMap<>(secret);
    String hex = Digests.ofBytes(text.getBytes(StandardCharsets.UTF_8)).hex();
    return new DatasetName(PREFIX + hex.substring(0, NAME_DIGITS));
  }
}
