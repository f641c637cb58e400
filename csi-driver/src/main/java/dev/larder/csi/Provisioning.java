package dev.larder.csi;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.DatasetInfo;
import dev.larder.csi.VolumeAttributes.OriginSpec;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.Status;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Volumes created from the parameters of a StorageClass: a dataset of its own for an origin, or a
 * view of a dataset that is there. <b>Threads:</b> any; one change of a volume at a time.
 */
final class Provisioning {
  private static final Logger log = LoggerFactory.getLogger(Provisioning.class);
  private static final String DATASET = "vol-";
  private static final String VIEW = "view-";
  private static final int NAME_MAX = 63;
  private static final int NAME_DIGITS = 32;

  private final Datasets datasets;
  private final Origination origins;
  private final Created created;
  private final int most;
  private final Set<String> working = ConcurrentHashMap.newKeySet();

  /**
   * What is asked for.
   *
   * @param limitBytes 0 without a limit
   */
  record Wanted(
      String name,
      Map<String, String> parameters,
      Map<String, String> secrets,
      long requiredBytes,
      long limitBytes) {
    @Override
    public String toString() {
      // Secrets never get into a message.
      return name;
    }
  }

  Provisioning(Datasets datasets, Origination origins, Created created, int most) {
    this.datasets = datasets;
    this.origins = origins;
    this.created = created;
    this.most = most;
  }

  /** Makes a volume, unless it is there as it is asked for. */
  Created.Entry create(Wanted wanted) {
    if (!wanted.parameters().containsKey("origin") && !wanted.parameters().containsKey("dataset")) {
      throw Statuses.invalid("parameters: either origin or dataset is needed");
    }
    VolumeAttributes attributes = VolumeAttributes.parse(wanted.parameters(), "", false, List.of());
    boolean isOwn = attributes.origin().isPresent();
    String id = id(isOwn, wanted.name());
    return alone(id, () -> create(id, wanted, attributes));
  }

  private Created.Entry create(String id, Wanted wanted, VolumeAttributes attributes) {
    String text = attributes.fingerprint();
    String asked = Digests.ofBytes(text.getBytes(StandardCharsets.UTF_8)).hex();
    Optional<Created.Entry> there = created.find(id);
    if (there.isPresent()) {
      return same(there.get(), asked, wanted);
    }
    if (created.all().size() >= most) {
      throw new LarderException(
          ErrorCode.TOO_MANY, "csi.volumes-max: " + most + " volumes were created already");
    }
    DatasetInfo info =
        attributes.origin().isPresent()
            ? dataset(new DatasetName(id), attributes.origin().get(), wanted.secrets())
            : datasets.get(attributes.snapshot().orElseThrow().dataset());
    long bytes = info.snapshots().isEmpty() ? 0 : info.snapshots().getLast().bytes();
    long capacity = Math.max(bytes, wanted.requiredBytes());
    if (wanted.limitBytes() > 0 && capacity > wanted.limitBytes()) {
      undo(id);
      throw Status.OUT_OF_RANGE
          .withDescription(
              "capacity_range: the dataset has " + bytes + " bytes, more than the limit")
          .asRuntimeException();
    }
    Created.Entry entry = new Created.Entry(id, asked, capacity, context(id, wanted, attributes));
    created.put(entry);
    log.info("created volume={} dataset={} bytes={}", id, info.name(), bytes);
    return entry;
  }

  private static Created.Entry same(Created.Entry there, String asked, Wanted wanted) {
    boolean isLarge = there.capacityBytes() >= wanted.requiredBytes();
    boolean isSmall = wanted.limitBytes() == 0 || there.capacityBytes() <= wanted.limitBytes();
    if (!there.asked().equals(asked) || !isLarge || !isSmall) {
      throw Statuses.exists(
          "volume " + there.volumeId() + " was created with other parameters or another size");
    }
    return there;
  }

  private DatasetInfo dataset(DatasetName name, OriginSpec spec, Map<String, String> secrets) {
    OriginOptions options = origins.options(name, spec, secrets);
    try {
      return datasets.create(name, spec.uri(), options, progress -> {});
    } catch (LarderException e) {
      if (e.code() != ErrorCode.ALREADY_EXISTS) {
        throw e;
      }
      // Made by an earlier try that was cut off, or through another node.
      DatasetInfo info = datasets.get(name);
      if (!info.uri().equals(spec.uri()) || !info.options().equals(options)) {
        throw Statuses.exists("dataset " + name + " is of another origin");
      }
      return info;
    }
  }

  private void undo(String id) {
    if (id.startsWith(DATASET)) {
      delete(new DatasetName(id));
    }
  }

  private static Map<String, String> context(
      String id, Wanted wanted, VolumeAttributes attributes) {
    Map<String, String> context = new TreeMap<>();
    for (String key : VolumeAttributes.FOR_ALL) {
      String value = wanted.parameters().get(key);
      if (value != null) {
        context.put(key, value);
      }
    }
    if (attributes.origin().isPresent()) {
      context.put("dataset", id);
    }
    return context;
  }

  /** Deletes a volume, and its dataset if it was made for it; none is fine. */
  void delete(String id) {
    if (!id.startsWith(DATASET) && !id.startsWith(VIEW)) {
      // Not made here: a dataset that somebody else defined is never deleted for a volume.
      return;
    }
    var unused =
        alone(
            id,
            () -> {
              if (id.startsWith(DATASET) && id.length() <= NAME_MAX) {
                delete(new DatasetName(id));
              }
              if (created.find(id).isPresent()) {
                created.remove(id);
                log.info("deleted volume={}", id);
              }
              return id;
            });
  }

  private void delete(DatasetName name) {
    try {
      datasets.delete(name);
    } catch (LarderException e) {
      if (e.code() != ErrorCode.UNKNOWN_DATASET) {
        throw e;
      }
    }
  }

  /** A volume that was created, here or through another node. */
  Optional<Created.Entry> find(String id) {
    Optional<Created.Entry> here = created.find(id);
    return here.isPresent()
        ? here
        : all().stream().filter(entry -> entry.volumeId().equals(id)).findFirst();
  }

  /** All that were created, by id. */
  List<Created.Entry> all() {
    TreeMap<String, Created.Entry> all = new TreeMap<>();
    for (DatasetInfo info : datasets.list()) {
      String id = info.name().text();
      if (id.startsWith(DATASET) && !info.snapshots().isEmpty()) {
        long bytes = info.snapshots().getLast().bytes();
        all.put(id, new Created.Entry(id, "", bytes, Map.of("dataset", id)));
      }
    }
    created.all().forEach(entry -> all.put(entry.volumeId(), entry));
    return new ArrayList<>(all.values());
  }

  private interface Change<T> {
    T run();
  }

  private <T> T alone(String id, Change<T> change) {
    if (!working.add(id)) {
      throw Statuses.aborted("another change of volume " + id + " is at work");
    }
    try {
      return change.run();
    } finally {
      working.remove(id);
    }
  }

  private static String id(boolean isOwn, String name) {
    String prefix = isOwn ? DATASET : VIEW;
    boolean isLabel =
        name.matches("[a-z0-9]([a-z0-9-]*[a-z0-9])?")
            && prefix.length() + name.length() <= NAME_MAX;
    if (isLabel) {
      return prefix + name;
    }
    String hex = Digests.ofBytes(name.getBytes(StandardCharsets.UTF_8)).hex();
    return prefix + hex.substring(0, NAME_DIGITS);
  }
}
