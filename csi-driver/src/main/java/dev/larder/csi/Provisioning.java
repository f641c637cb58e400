package dev.larder.csi;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.DatasetInfo;
import dev.larder.csi.VolumeAttributes.OriginSpec;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
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
  private static final int VIEW_DIGITS = 8;

  private final Datasets datasets;
  private final Origination origins;
  private final Created created;
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

  Provisioning(Datasets datasets, Origination origins, Created created) {
    this.datasets = datasets;
    this.origins = origins;
    this.created = created;
  }

  /** Makes a volume, unless it is there as it is asked for. */
  Created.Entry create(Wanted wanted) {
    if (!wanted.parameters().containsKey("origin") && !wanted.parameters().containsKey("dataset")) {
      throw Statuses.invalid("parameters: either origin or dataset is needed");
    }
    VolumeAttributes attributes = VolumeAttributes.parse(wanted.parameters(), "", false, List.of());
    String text = attributes.fingerprint();
    String asked = Digests.ofBytes(text.getBytes(StandardCharsets.UTF_8)).hex();
    if (attributes.origin().isEmpty()) {
      return view(asked, wanted, attributes);
    }
    String id = id(DATASET, wanted.name());
    return alone(id, () -> own(id, asked, wanted, attributes, attributes.origin().get()));
  }

  /*
   * A view is nothing but its id and context, and both follow from the request: any node makes the
   * same of it, and there is nothing to note and to take away. Other parameters are another view.
   */
  private Created.Entry view(String asked, Wanted wanted, VolumeAttributes attributes) {
    String id = id(VIEW, wanted.name() + "-" + asked.substring(0, VIEW_DIGITS));
    DatasetInfo info = datasets.get(attributes.snapshot().orElseThrow().dataset());
    return entry(id, asked, wanted, attributes, info);
  }

  private Created.Entry own(
      String id, String asked, Wanted wanted, VolumeAttributes attributes, OriginSpec origin) {
    forgetDeleted();
    Optional<Created.Entry> there = created.find(id);
    if (there.isPresent()) {
      return same(there.get(), asked, wanted);
    }
    Made made = dataset(new DatasetName(id), origin, wanted.secrets());
    Created.Entry entry;
    try {
      entry = entry(id, asked, wanted, attributes, made.info());
    } catch (StatusRuntimeException e) {
      if (made.isNew()) {
        delete(made.info().name());
      }
      throw e;
    }
    created.put(entry);
    log.info("created volume={} new={}", id, made.isNew());
    return entry;
  }

  /** Volumes may be deleted through another node; their notes are no use any more. */
  private void forgetDeleted() {
    Set<String> names =
        datasets.list().stream().map(info -> info.name().text()).collect(Collectors.toSet());
    for (Created.Entry entry : created.all()) {
      if (!names.contains(entry.volumeId()) && !working.contains(entry.volumeId())) {
        created.remove(entry.volumeId());
      }
    }
  }

  private static Created.Entry entry(
      String id, String asked, Wanted wanted, VolumeAttributes attributes, DatasetInfo info) {
    long bytes = info.snapshots().isEmpty() ? 0 : info.snapshots().getLast().bytes();
    long capacity = Math.max(bytes, wanted.requiredBytes());
    if (wanted.limitBytes() > 0 && capacity > wanted.limitBytes()) {
      throw Status.OUT_OF_RANGE
          .withDescription(
              "capacity_range: the dataset has " + bytes + " bytes, more than the limit")
          .asRuntimeException();
    }
    return new Created.Entry(id, asked, capacity, context(id, wanted, attributes));
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

  private record Made(DatasetInfo info, boolean isNew) {}

  private Made dataset(DatasetName name, OriginSpec spec, Map<String, String> secrets) {
    return origins.listing(name, spec, secrets, options -> dataset(name, spec, options));
  }

  private Made dataset(DatasetName name, OriginSpec spec, OriginOptions options) {
    try {
      return new Made(datasets.create(name, spec.uri(), options, progress -> {}), true);
    } catch (LarderException e) {
      if (e.code() != ErrorCode.ALREADY_EXISTS) {
        throw e;
      }
      // Made by an earlier try that was cut off, or through another node.
      DatasetInfo info = datasets.get(name);
      if (!info.uri().equals(spec.uri()) || !info.options().equals(options)) {
        throw Statuses.exists("dataset " + name + " is of another origin");
      }
      return new Made(info, false);
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
    if (!id.startsWith(DATASET) || id.length() > NAME_MAX) {
      // A view, or not made here: a dataset that somebody else defined is never deleted for it.
      return;
    }
    var unused =
        alone(
            id,
            () -> {
              delete(new DatasetName(id));
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
    origins.deleted(name);
  }

  /**
   * Whether a volume is one that was created, here or through another node.
   *
   * @param context as it was given with the volume; a view is nothing else
   */
  boolean exists(String id, Map<String, String> context) {
    if (!id.startsWith(VIEW)) {
      return all().stream().anyMatch(entry -> entry.volumeId().equals(id));
    }
    if (!context.containsKey("dataset")) {
      return false;
    }
    Optional<SnapshotRef> shown = VolumeAttributes.parse(context, id, false, List.of()).snapshot();
    return shown.isPresent()
        && datasets.list().stream().anyMatch(info -> info.name().equals(shown.get().dataset()));
  }

  /**
   * All that were created and are more than a view, by id; each node says the same, so it is as
   * large as its dataset.
   */
  List<Created.Entry> all() {
    TreeMap<String, Created.Entry> all = new TreeMap<>();
    for (DatasetInfo info : datasets.list()) {
      String id = info.name().text();
      if (id.startsWith(DATASET) && !info.snapshots().isEmpty()) {
        long bytes = info.snapshots().getLast().bytes();
        all.put(id, new Created.Entry(id, "", bytes, Map.of("dataset", id)));
      }
    }
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

  private static String id(String prefix, String name) {
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
