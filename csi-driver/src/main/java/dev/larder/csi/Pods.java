package dev.larder.csi;

import dev.larder.protocol.DatasetName;
import dev.larder.protocol.LarderException;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The pods of this node's volumes, as kubelet named them last, and what is wrong told to them. In
 * memory only: after a restart a pod is known again when its volume is published again. Any thread.
 */
final class Pods implements AutoCloseable {
  private final Optional<PodEvents> events;
  private final Map<Path, PodRef> byTarget = new ConcurrentHashMap<>();

  /**
   * @param events owned by this; empty tells nobody
   */
  Pods(Optional<PodEvents> events) {
    this.events = events;
  }

  /** Begins to tell. */
  void start() {
    events.ifPresent(PodEvents::start);
  }

  /** A volume is shown to a pod at a target. */
  void shown(Path target, Optional<PodRef> pod) {
    pod.ifPresent(known -> byTarget.put(target, known));
  }

  /** Nothing is shown there any longer. */
  void gone(Path target) {
    byTarget.remove(target);
  }

  /** A publish failed; what nobody can mend, and what ends by itself, is passed over. */
  void publishFailed(Optional<PodRef> pod, String volumeId, RuntimeException fault) {
    Optional<Cause> cause =
        switch (fault) {
          case LarderException known -> Cause.ofPublish(known);
          case StatusRuntimeException refusal -> Cause.ofPublish(refusal);
          default -> Optional.empty();
        };
    if (pod.isPresent() && cause.isPresent() && events.isPresent()) {
      events.get().report(pod.get(), volumeId, cause.get(), text(fault));
    }
  }

  /** A volume shows a listing that is older than it should be. */
  void oldListing(
      Optional<PodRef> pod, String volumeId, DatasetName dataset, LarderException fault) {
    if (pod.isPresent() && events.isPresent()) {
      String message = "dataset " + dataset + ": " + text(fault);
      events.get().report(pod.get(), volumeId, Cause.OLD_LISTING, message);
    }
  }

  private static String text(RuntimeException fault) {
    String text =
        fault instanceof StatusRuntimeException refusal
            ? refusal.getStatus().getDescription()
            : fault.getMessage();
    return text == null ? "" : text;
  }

  /**
   * A read of volumes of one dataset was not served by its origin.
   *
   * @param path of the object in the dataset, may be empty
   */
  void readFailed(Collection<Volume> volumes, String path, LarderException fault) {
    Optional<Cause> cause = Cause.ofRead(fault);
    if (cause.isEmpty() || events.isEmpty()) {
      return;
    }
    for (Volume volume : volumes) {
      PodRef pod = byTarget.get(volume.target());
      if (pod != null) {
        String about = "dataset " + volume.dataset() + (path.isEmpty() ? "" : ", file " + path);
        events.get().report(pod, volume.volumeId(), cause.get(), about + ": " + text(fault));
      }
    }
  }

  /** Figures for metrics, by name without prefix. */
  Map<String, Long> figures() {
    return events.map(PodEvents::figures).orElse(Map.of());
  }

  @Override
  public void close() {
    events.ifPresent(PodEvents::close);
  }
}
