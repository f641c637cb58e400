package dev.larder.perf.worker;

import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.RoleTrust;
import dev.larder.coordinator.api.TlsFiles;
import dev.larder.coordinator.logic.Outcome;
import dev.larder.coordinator.logic.Record;
import dev.larder.coordinator.raft.RaftConfig;
import dev.larder.coordinator.raft.RaftEvents;
import dev.larder.coordinator.raft.RaftNode;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Trust;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Writes what many sealed blobs leave in a coordinator into the directory of one that is not at
 * work: the records that its service makes of agents' calls, through the same log, the same apply
 * and the same tables. Only the calls themselves are left out, which are most of the time.
 *
 * <p>Arguments: directory, directory of certificates, id, host:port of its Raft door, blobs,
 * holders of each. Ends with {@code filled} when all was applied.
 */
public final class CoordinatorFill {
  /** {@code coordinator.batch-max} by default. */
  private static final int BATCH = 5_000;

  /** While one batch is applied, others are encoded and written. */
  private static final int CALLERS = 4;

  private static final Duration PATIENCE = Duration.ofMinutes(2);

  /** Blobs that lie on the same members, next to each other by number. */
  public static final int TOGETHER = 10_000;

  /** Each of as many members as a blob has holders. */
  private static final int GROUPS = 100;

  private static final long BLOB_BYTES = 64 << 20;

  private CoordinatorFill() {}

  public static void main(String[] arguments) throws Exception {
    Path tls = Path.of(arguments[1]);
    String id = arguments[2];
    String[] address = arguments[3].split(":", -1);
    int blobs = Integer.parseInt(arguments[4]);
    int holders = Integer.parseInt(arguments[5]);
    Limits limits = Limits.defaults();
    RaftConfig config =
        new RaftConfig(
            Path.of(arguments[0]),
            id,
            address[0],
            Integer.parseInt(address[1]),
            new TreeMap<>(Map.of(id, arguments[3])),
            limits.electionTimeout(),
            limits.snapshotEvery(),
            limits.freeSpaceMinBytes(),
            limits.rocks());
    try (RaftNode node =
        RaftNode.start(
            config,
            RoleTrust.restrict(
                TlsFiles.read(
                    tls.resolve("coordinator.key"),
                    tls.resolve("coordinator.pem"),
                    tls.resolve("ca.pem")),
                Set.of(Role.COORDINATOR)),
            RaftEvents.NONE,
            PATIENCE,
            RaftNode.Reads.LINEAR)) {
      fill(node, blobs, holders);
    }
    System.out.println("filled");
  }

  private static void fill(RaftNode node, int blobs, int holders) throws Exception {
    for (int member = 0; member < holders * GROUPS; member++) {
      submit(
          node,
          new Record.Join(MemberInfo.joining(id(member), "127.0.0.1:1", "", Map.of(), 1L << 50)));
    }
    try (ExecutorService callers = Executors.newFixedThreadPool(CALLERS)) {
      List<Future<?>> calls = new ArrayList<>();
      for (int from = 0; from < blobs; from += BATCH) {
        int first = from;
        int end = Math.min(blobs, from + BATCH);
        calls.add(callers.submit(() -> batch(node, first, end, holders)));
      }
      for (Future<?> call : calls) {
        call.get();
      }
    }
  }

  private static void batch(RaftNode node, int from, int end, int holders) {
    List<BlobKey> keys = new ArrayList<>();
    List<RecordedRoot> roots = new ArrayList<>();
    for (int i = from; i < end; i++) {
      BlobKey key = key(i);
      keys.add(key);
      roots.add(new RecordedRoot(key, BLOB_BYTES, key.digest(), Trust.VERIFIED, holder(i, 0)));
    }
    submit(node, new Record.RecordRoots(roots));
    for (int member = 0; member < holders; member++) {
      submit(node, new Record.Holdings(holder(from, member), keys, List.of(), false));
    }
  }

  private static void submit(RaftNode node, Record record) {
    Outcome outcome = node.submit(record, PATIENCE);
    if (outcome instanceof Outcome.Refused refused) {
      throw new IllegalStateException("a record was refused: " + refused);
    }
  }

  /** The key of a blob, spread as digests are. */
  public static BlobKey key(int number) {
    long mixed = (number + 1) * 0x9E3779B97F4A7C15L;
    return BlobKey.origin(new Digest(mixed, Long.reverse(mixed), number, 7));
  }

  /** Id of one of a blob's holders; those of a blob sort by their rank. */
  public static String holder(int blob, int rank) {
    return id(blob / TOGETHER % GROUPS + rank * GROUPS);
  }

  private static String id(int member) {
    return "holder-%03d".formatted(member);
  }
}
