package dev.larder.mount;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.State;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Whether the files of a snapshot are all in the store. An answer is kept until the store loses
 * something, and a no for a while. Any thread; looking may take a microsecond a file.
 */
final class Completeness {
  private static final long NO_KEPT_NANOS = Duration.ofSeconds(2).toNanos();

  private final Datasets datasets;
  private final BlobStore store;
  private final ConcurrentHashMap<Question, Answer> answers = new ConcurrentHashMap<>();
  private final AtomicLong losses = new AtomicLong();

  /** Which files of a snapshot. */
  enum Which {
    /** Those a packed catalog holds. */
    SMALL,
    /** The others. */
    LARGE
  }

  private record Question(SnapshotRef snapshot, Which which) {}

  private record Answer(boolean complete, long files, long losses, long atNanos) {}

  Completeness(Datasets datasets, BlobStore store) {
    this.datasets = datasets;
    this.store = store;
  }

  /** The store lost a blob or a part of one. */
  void lost() {
    losses.incrementAndGet();
  }

  boolean isComplete(SnapshotRef snapshot, Which which) {
    return answer(snapshot, which).complete();
  }

  /** Number of such files, none of them empty; counted up to the first that is missing. */
  long files(SnapshotRef snapshot, Which which) {
    return answer(snapshot, which).files();
  }

  private Answer answer(SnapshotRef snapshot, Which which) {
    Question question = new Question(snapshot, which);
    Answer last = answers.get(question);
    long now = System.nanoTime();
    boolean isGood =
        last != null
            && (last.complete()
                ? last.losses() == losses.get()
                : now - last.atNanos() < NO_KEPT_NANOS);
    if (last != null && isGood) {
      return last;
    }
    long seen = losses.get();
    Count count = new Count();
    try {
      datasets.walk(snapshot, "", entry -> count.look(entry, which));
    } catch (Missing stop) {
      count.isMissing = true;
    }
    Answer fresh = new Answer(!count.isMissing, count.files, seen, now);
    answers.put(question, fresh);
    return fresh;
  }

  private final class Count {
    private long files;
    private boolean isMissing;

    private void look(Entry entry, Which which) {
      if (entry.key().isEmpty() || entry.sizeBytes() == 0) {
        return;
      }
      boolean isSmall = Blocks.isSmall(entry.sizeBytes());
      if (isSmall == (which == Which.SMALL)) {
        boolean isHere =
            store.find(entry.key().get()).filter(info -> info.state() == State.SEALED).isPresent();
        if (!isHere) {
          throw new Missing();
        }
        files++;
      }
    }
  }

  /** Ends a walk at the first file that is missing. */
  private static final class Missing extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Missing() {
      super("missing", null, false, false);
    }
  }
}
