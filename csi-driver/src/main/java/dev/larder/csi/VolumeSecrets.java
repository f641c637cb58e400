package dev.larder.csi;

import dev.larder.origin.SecretMemory;
import dev.larder.protocol.DatasetName;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * The secrets of this node's volumes: in this process only, as long as a volume or a listing needs
 * them; the orchestrator brings them again with each republish. Any thread.
 */
final class VolumeSecrets {
  private final SecretMemory memory;
  private final Map<Path, User> users = new HashMap<>();
  private final Map<DatasetName, Map<String, String>> inForce = new HashMap<>();
  private final Set<DatasetName> refused = new HashSet<>();

  /** What a volume's secret is for, as it came last. */
  private record User(DatasetName dataset, Map<String, String> secret) {
    @Override
    public String toString() {
      // Secrets never get into a message.
      return dataset.text();
    }
  }

  VolumeSecrets(SecretMemory memory) {
    this.memory = memory;
  }

  /** What an origin's option refers to. */
  static String reference(DatasetName name, String option) {
    return SecretMemory.SCHEME + key(name, option);
  }

  /** What a secret is called in memory. */
  static String key(DatasetName name, String option) {
    return name + "/" + option;
  }

  /**
   * The volume at a target brings a secret for its dataset.
   *
   * <p>Who shares a dataset brings the same secret. Another one than that in force is taken once
   * nobody brings that any longer, or the origin refused it: so a secret that is renewed goes over
   * in one step, and one pod's wrong one does not spoil the reads of others.
   */
  synchronized void remember(Path target, DatasetName name, Map<String, String> secret) {
    users.put(target, new User(name, secret));
    Map<String, String> now = inForce.get(name);
    boolean isKept =
        now != null
            && !now.equals(secret)
            && !refused.contains(name)
            && users.containsValue(new User(name, now));
    if (!isKept) {
      put(name, secret);
    }
  }

  /** The origin accepted a secret just now: it is in force, whatever was, while a volume is. */
  synchronized void accepted(DatasetName name, Map<String, String> secret) {
    if (isUsed(name)) {
      put(name, secret);
    }
  }

  private void put(DatasetName name, Map<String, String> secret) {
    secret.forEach((option, value) -> memory.put(key(name, option), value));
    inForce.put(name, secret);
    refused.remove(name);
  }

  /** The origin refused what is in force for a dataset. */
  synchronized void refused(DatasetName name) {
    if (inForce.containsKey(name)) {
      refused.add(name);
    }
  }

  /** The volume at a target needs its secret no longer. */
  synchronized void forget(Path target) {
    User gone = users.remove(target);
    if (gone != null && !isUsed(gone.dataset())) {
      drop(gone.dataset());
    }
  }

  /** For a listing that no volume asked for, until {@link #takeBack}. */
  synchronized void lend(DatasetName name, Map<String, String> secret) {
    if (!isUsed(name)) {
      secret.forEach((option, value) -> memory.put(key(name, option), value));
    }
  }

  /** The listing is over; what a volume uses stays. */
  synchronized void takeBack(DatasetName name) {
    if (!isUsed(name)) {
      drop(name);
    }
  }

  private void drop(DatasetName name) {
    OriginSecrets.OPTIONS.forEach(option -> memory.remove(key(name, option)));
    inForce.remove(name);
    refused.remove(name);
  }

  /** Whether a volume brought a secret for a dataset, and is there. */
  synchronized boolean isUsed(DatasetName name) {
    return users.values().stream().anyMatch(user -> user.dataset().equals(name));
  }
}
