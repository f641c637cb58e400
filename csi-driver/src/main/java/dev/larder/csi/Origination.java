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
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Datasets that are made of a volume's origin and secret. The name is a digest of both, so those
 * who know the same secret share a dataset, and a wrong one spoils nobody else's. The dataset stays
 * when the volume goes, for the next pod.
 *
 * <p>The secret is kept in this process only, as long as a volume needs it; the orchestrator brings
 * it again with each republish.
 *
 * <p><b>Threads:</b> any; one listing of an origin at a time for all who want it.
 */
final class Origination {
  private static final Logger log = LoggerFactory.getLogger(Origination.class);
  private static final String PREFIX = "csi-";
  private static final int NAME_DIGITS = 32;

  private final Datasets datasets;
  private final SecretMemory memory;
  private final Map<DatasetName, CompletableFuture<SnapshotRef>> making = new HashMap<>();
  private final Map<Path, DatasetName> users = new HashMap<>();

  Origination(Datasets datasets, SecretMemory memory) {
    this.datasets = datasets;
    this.memory = memory;
  }

  /**
   * The dataset of a volume's origin, made if there is none.
   *
   * @throws LarderException BAD_ORIGIN, ORIGIN_DENIED and what else listing an origin gives;
   *     CANCELLED when the work is called off, while the listing goes on for the next who asks
   */
  SnapshotRef ensure(Publication wanted, Work work) {
    OriginSpec spec = wanted.attributes().origin().orElseThrow();
    Map<String, String> secret = OriginSecrets.options(wanted.secrets());
    DatasetName name = name(spec, secret);
    remember(wanted.target(), name, secret);
    try {
      SnapshotRef newest = work.await(make(name, spec, references(name, spec, secret)));
      return new SnapshotRef(newest.dataset(), wanted.attributes().number());
    } catch (RuntimeException e) {
      forget(wanted.volumeId(), wanted.target());
      throw e;
    }
  }

  private synchronized CompletableFuture<SnapshotRef> make(
      DatasetName name, OriginSpec spec, OriginOptions options) {
    CompletableFuture<SnapshotRef> known = making.get(name);
    if (known != null) {
      return known;
    }
    CompletableFuture<SnapshotRef> result = new CompletableFuture<>();
    making.put(name, result);
    Thread.ofVirtual()
        .name("csi-dataset")
        .start(() -> {
          try {
            result.complete(made(name, spec.uri(), options));
          } catch (RuntimeException | Error e) {
            result.completeExceptionally(e);
          } finally {
            end(name);
          }
        });
    return result;
  }

  private synchronized void end(DatasetName name) {
    making.remove(name);
  }

  private SnapshotRef made(DatasetName name, String uri, OriginOptions options) {
    Optional<SnapshotRef> known = find(name, uri, options);
    if (known.isPresent()) {
      return known.get();
    }
    try {
      DatasetInfo info = datasets.create(name, uri, options, progress -> {});
      log.info("made dataset={} for a volume snapshots={}", name, info.snapshots().size());
    } catch (LarderException e) {
      if (e.code() != ErrorCode.ALREADY_EXISTS) {
        throw e;
      }
      // Another node was first; what it made is taken over.
      return find(name, uri, options)
          .orElseThrow(() ->
              new LarderException(
                  ErrorCode.COORDINATOR_UNAVAILABLE,
                  "dataset " + name + " is being made by another node; try again",
                  e));
    }
    return SnapshotRef.parse(name.text());
  }

  private Optional<SnapshotRef> find(DatasetName name, String uri, OriginOptions options) {
    try {
      DatasetInfo info = datasets.get(name);
      if (!info.uri().equals(uri) || !info.options().equals(options)) {
        throw new LarderException(
            ErrorCode.ALREADY_EXISTS, "dataset " + name + " is of another origin");
      }
      return info.snapshots().isEmpty()
          ? Optional.empty()
          : Optional.of(SnapshotRef.parse(name.text()));
    } catch (LarderException e) {
      if (e.code() == ErrorCode.UNKNOWN_DATASET) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /**
   * Takes the secret that came with a publish for a volume's dataset. What a pod's author says of a
   * dataset that others made is no secret of it.
   */
  synchronized void refresh(Publication wanted, DatasetName dataset) {
    boolean isOwn = wanted.attributes().origin().isPresent() || !wanted.inline();
    if (isOwn && !wanted.secrets().isEmpty()) {
      remember(wanted.target(), dataset, OriginSecrets.options(wanted.secrets()));
    }
  }

  private synchronized void remember(Path target, DatasetName name, Map<String, String> secret) {
    users.put(target, name);
    secret.forEach((option, value) -> memory.put(key(name, option), value));
  }

  /** A volume needs its secret no longer. */
  synchronized void forget(String volumeId, Path target) {
    DatasetName name = users.remove(target);
    if (name != null && !users.containsValue(name)) {
      OriginSecrets.OPTIONS.forEach(option -> memory.remove(key(name, option)));
      log.debug("volume={} was the last with the secret of dataset={}", volumeId, name);
    }
  }

  private static String key(DatasetName name, String option) {
    return name + "/" + option;
  }

  /**
   * The options of a created volume's dataset, with its secret kept for the listing.
   *
   * @param secrets as they came
   */
  synchronized OriginOptions options(
      DatasetName name, OriginSpec spec, Map<String, String> secrets) {
    Map<String, String> secret = OriginSecrets.options(secrets);
    secret.forEach((option, value) -> memory.put(key(name, option), value));
    return references(name, spec, secret);
  }

  private static OriginOptions references(
      DatasetName name, OriginSpec spec, Map<String, String> secret) {
    Map<String, String> all = new TreeMap<>(spec.options().values());
    for (String option : secret.keySet()) {
      if (all.put(option, SecretMemory.SCHEME + key(name, option)) != null) {
        throw Statuses.invalid(
            "attribute origin." + option + ": the volume's secret says it already");
      }
    }
    return new OriginOptions(all);
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
