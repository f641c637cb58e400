package dev.larder.csi;

import dev.larder.agent.config.DurableFiles;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Datasets made on the fly that volumes of this node used: each is taken away again when none has
 * used it for a while. They are noted in files, as a restart or reboot must not leave them for
 * ever; one that other nodes still show stays with them. Any thread.
 */
final class Leftovers {
  private static final Logger log = LoggerFactory.getLogger(Leftovers.class);

  private final Path directory;
  private final Duration keep;
  private final LongSupplier nanos;
  private final Map<DatasetName, Long> usedAt = new ConcurrentHashMap<>();

  /**
   * @param keep how long a dataset stays unused
   */
  Leftovers(Path directory, Duration keep, LongSupplier nanos) {
    this.directory = directory;
    this.keep = keep;
    this.nanos = nanos;
  }

  /** Reads what former agents used; it counts as used now. */
  void load() {
    try {
      Files.createDirectories(directory);
      try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "csi-*")) {
        for (Path file : files) {
          usedAt.put(new DatasetName(file.getFileName().toString()), nanos.getAsLong());
        }
      }
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_IO, "cannot read " + directory + ": " + e, e);
    }
  }

  /**
   * Notes a dataset before it is made, so that a crash leaves none that nobody looks after.
   *
   * @return whether it was not noted yet; then {@link #forget} takes the note back where making it
   *     fails
   */
  boolean note(DatasetName name) {
    if (usedAt.putIfAbsent(name, nanos.getAsLong()) != null) {
      return false;
    }
    // Names are digests that are made here, so they are fit for files.
    DurableFiles.replace(directory.resolve(name.text()), new byte[0]);
    return true;
  }

  /** A volume of this node is about to use a dataset. */
  void used(DatasetName name) {
    if (!note(name)) {
      usedAt.put(name, nanos.getAsLong());
    }
  }

  /** Takes a note away. */
  void forget(DatasetName name) {
    usedAt.remove(name);
    DurableFiles.delete(directory.resolve(name.text()));
  }

  /** All that are noted, those unused for longest first. */
  List<DatasetName> oldestFirst() {
    long now = nanos.getAsLong();
    // A copy: an order that changes while it is made is none.
    return Map.copyOf(usedAt).entrySet().stream()
        .sorted(Comparator.comparingLong(each -> each.getValue() - now))
        .map(Map.Entry::getKey)
        .toList();
  }

  /**
   * Takes away what is over.
   *
   * @param isUsed whether a volume shows a dataset, or somebody pinned it
   * @param delete takes a dataset away, and says whether it is gone
   */
  void sweep(Predicate<DatasetName> isUsed, Predicate<DatasetName> delete) {
    for (DatasetName name : List.copyOf(usedAt.keySet())) {
      long now = nanos.getAsLong();
      if (isUsed.test(name)) {
        usedAt.put(name, now);
      } else if (now - usedAt.getOrDefault(name, now) >= keep.toNanos() && delete.test(name)) {
        forget(name);
        log.info("no volume used dataset={} for {}; it is gone", name, keep);
      }
    }
  }

  /** Datasets noted. */
  int size() {
    return usedAt.size();
  }
}
