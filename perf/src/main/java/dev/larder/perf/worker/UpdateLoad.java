package dev.larder.perf.worker;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClient.Attendance;
import dev.larder.coordinator.api.CoordinatorClient.AttendanceListener;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.HoldingReport;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.TlsFiles;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.LongStream;

/**
 * Clients of coordinators and of etcd, in a process of their own: so many that each make one change
 * after another, and one that looks things up meanwhile, some hundred times a second.
 *
 * <p>Arguments: directory of {@code agent.pem}, {@code agent.key} and {@code ca.pem}; addresses of
 * the coordinators and of etcd's members, each separated by commas; writers; seconds a round;
 * rounds. A line a round: {@code larder|etcd PUTS_A_SECOND PUT_P50 PUT_P99 LOOKUP_P50 LOOKUP_P99},
 * times in milliseconds. Round 0 of both is the compilers'. As many rounds follow in which both get
 * half of the changes a second that etcd made at most, as {@code larder-half|etcd-half}, and as
 * many with a tenth.
 */
public final class UpdateLoad {
  /** What a lookup finds: each held by three members. */
  private static final int KNOWN = 5_000;

  private static final int WRITERS_A_CONNECTION = 8;
  private static final long LOOKUP_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

  /**
   * Compilers share the two cores with all of it: after three a later round still did twice as
   * much.
   */
  private static final int WARM_ROUNDS = 10;

  private static final long SETTLE_NANOS = TimeUnit.SECONDS.toNanos(2);

  private final int writers;
  private final long roundNanos;

  /** Between two changes of one writer; 0 for as fast as it goes. */
  private final long pauseNanos;

  private UpdateLoad(int writers, long roundNanos, long pauseNanos) {
    this.writers = writers;
    this.roundNanos = roundNanos;
    this.pauseNanos = pauseNanos;
  }

  /** What is compared. */
  private interface Store extends AutoCloseable {
    /** Makes a change durable over the connection of a writer. */
    void put(int writer, BlobKey key);

    /** Looks up something known over a connection of its own. */
    void lookup(BlobKey known);

    @Override
    void close();
  }

  public static void main(String[] arguments) throws Exception {
    TlsMaterial tls = tls(Path.of(arguments[0]));
    int writers = Integer.parseInt(arguments[3]);
    long seconds = Long.parseLong(arguments[4]);
    int rounds = Integer.parseInt(arguments[5]);
    UpdateLoad load = new UpdateLoad(writers, TimeUnit.SECONDS.toNanos(seconds), 0);
    try (Store larder = new Coordinators(arguments[1], tls, writers);
        Store etcd = new Etcd(arguments[2], tls, writers)) {
      UpdateLoad warm = new UpdateLoad(writers, WARM_ROUNDS * load.roundNanos, 0);
      double unusedWarm = warm.round("larder", larder) + warm.round("etcd", etcd);
      double[] most = new double[rounds];
      for (int round = 0; round < rounds; round++) {
        most[round] = load.rounds("", round, larder, etcd);
      }
      Arrays.sort(most);
      load.paced("-half", 2, most[rounds / 2], rounds, larder, etcd);
      load.paced("-tenth", 10, most[rounds / 2], rounds, larder, etcd);
    }
  }

  /** Rounds in which both get a part of the changes a second that etcd made at most. */
  private void paced(String suffix, int part, double most, int rounds, Store larder, Store etcd)
      throws Exception {
    long pause = (long) (part * 1e9 * writers / most);
    UpdateLoad some = new UpdateLoad(writers, roundNanos, pause);
    for (int round = 0; round < rounds; round++) {
      double unused = some.rounds(suffix, round, larder, etcd);
    }
  }

  static TlsMaterial tls(Path directory) {
    return TlsFiles.read(
        directory.resolve("agent.key"),
        directory.resolve("agent.pem"),
        directory.resolve("ca.pem"));
  }

  /** One of each, in turns who is first; etcd's changes a second. */
  private double rounds(String suffix, int round, Store larder, Store etcd) throws Exception {
    double first = round % 2 == 0 ? 0 : round("etcd" + suffix, etcd);
    double unused = round("larder" + suffix, larder);
    return round % 2 == 0 ? round("etcd" + suffix, etcd) : first;
  }

  private double round(String name, Store store) throws Exception {
    // What the round before left behind in the other one.
    LockSupport.parkNanos(SETTLE_NANOS);
    long start = System.nanoTime();
    long end = start + roundNanos;
    List<Future<long[]>> writing = new ArrayList<>();
    long[] lookups;
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < writers; i++) {
        int writer = i;
        // Not all at once.
        long first = start + pauseNanos * writer / writers;
        writing.add(threads.submit(() -> writes(store, writer, first, end)));
      }
      lookups = lookups(store, end);
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    LongStream all = LongStream.empty();
    for (Future<long[]> one : writing) {
      all = LongStream.concat(all, Arrays.stream(one.get()));
    }
    long[] puts = all.sorted().toArray();
    System.out.println(
        String.join(
            " ",
            name,
            Double.toString(puts.length / seconds),
            millis(puts, 0.5),
            millis(puts, 0.99),
            millis(lookups, 0.5),
            millis(lookups, 0.99)));
    return puts.length / seconds;
  }

  private static String millis(long[] sortedNanos, double quantile) {
    return Double.toString(sortedNanos[(int) (quantile * (sortedNanos.length - 1))] / 1e6);
  }

  private long[] writes(Store store, int writer, long first, long end) {
    LongStream.Builder took = LongStream.builder();
    ThreadLocalRandom random = ThreadLocalRandom.current();
    long due = first;
    for (long now = await(due); now < end; now = await(due)) {
      store.put(
          writer, BlobKey.origin(new Digest(random.nextLong(), random.nextLong(), writer, now)));
      took.add(System.nanoTime() - now);
      due += pauseNanos;
    }
    return took.build().toArray();
  }

  /** Waits until a time, if it is still to come; the time it is then. */
  private static long await(long due) {
    long now = System.nanoTime();
    for (; now < due; now = System.nanoTime()) {
      LockSupport.parkNanos(due - now);
    }
    return now;
  }

  /**
   * Each from when it was due: one that waits behind a slow answer waits, too. With as many changes
   * as go from when it was sent, as the queue would grow to the end of the round.
   */
  private long[] lookups(Store store, long end) {
    LongStream.Builder took = LongStream.builder();
    long due = System.nanoTime();
    while (due < end) {
      long sent = await(due);
      store.lookup(known(ThreadLocalRandom.current().nextInt(KNOWN)));
      took.add(System.nanoTime() - (pauseNanos == 0 ? sent : due));
      due = (pauseNanos == 0 ? sent : due) + LOOKUP_NANOS;
    }
    return took.build().sorted().toArray();
  }

  private static BlobKey known(int number) {
    return BlobKey.origin(new Digest(number, 1, 2, 3));
  }

  private static final class Coordinators implements Store {
    private final List<CoordinatorClient> connections = new ArrayList<>();
    private final CoordinatorClient reader;

    Coordinators(String addresses, TlsMaterial tls, int writers) {
      CoordinatorClientConfig config =
          CoordinatorClientConfig.of(List.of(addresses.split(",", -1)));
      for (int i = 0; i < writers; i += WRITERS_A_CONNECTION) {
        connections.add(GrpcCoordinatorClient.connect(config, tls));
      }
      reader = GrpcCoordinatorClient.connect(config, tls);
      List<BlobKey> held = new ArrayList<>();
      for (int i = 0; i < KNOWN; i++) {
        held.add(known(i));
      }
      for (int member = 0; member < 3; member++) {
        String id = "holder-" + member;
        reader.join(MemberInfo.joining(id, "127.0.0.1:1", "", Map.of(), 1L << 40));
        try (Attendance attendance = reader.attend(id, new Deaf())) {
          attendance.report(new HoldingReport(held, List.of(), true, 0));
        }
      }
    }

    @Override
    public void put(int writer, BlobKey key) {
      RecordedRoot root =
          new RecordedRoot(key, 1 << 20, new Digest(1, 2, 3, writer), Trust.ATTESTED, "holder-0");
      connections.get(writer / WRITERS_A_CONNECTION).recordRoots(List.of(root));
    }

    @Override
    public void lookup(BlobKey known) {
      int holders = reader.holders(known).size();
      if (holders != 3) {
        throw new IllegalStateException(known + " has " + holders + " holders");
      }
    }

    @Override
    public void close() {
      connections.forEach(CoordinatorClient::close);
      reader.close();
    }
  }

  private static final class Etcd implements Store {
    /** With the key about what a record of a root takes in the coordinators' log. */
    private static final int VALUE_BYTES = 56;

    private final List<EtcdPeer> connections = new ArrayList<>();
    private final EtcdPeer reader;

    Etcd(String addresses, TlsMaterial tls, int writers) throws IOException {
      String leader = leader(addresses, tls);
      for (int i = 0; i < writers; i += WRITERS_A_CONNECTION) {
        connections.add(new EtcdPeer(leader, tls));
      }
      reader = new EtcdPeer(leader, tls);
      for (int i = 0; i < KNOWN; i++) {
        reader.put(known(i).binary(), new byte[VALUE_BYTES]);
      }
    }

    private static String leader(String addresses, TlsMaterial tls) throws IOException {
      for (String address : addresses.split(",", -1)) {
        try (EtcdPeer peer = new EtcdPeer(address, tls)) {
          if (peer.leads()) {
            return address;
          }
        }
      }
      throw new IOException("no member of etcd leads");
    }

    @Override
    public void put(int writer, BlobKey key) {
      byte[] value = new byte[VALUE_BYTES];
      ThreadLocalRandom.current().nextBytes(value);
      connections.get(writer / WRITERS_A_CONNECTION).put(key.binary(), value);
    }

    @Override
    public void lookup(BlobKey known) {
      if (!reader.has(known.binary())) {
        throw new IllegalStateException(known + " is not there");
      }
    }

    @Override
    public void close() {
      connections.forEach(EtcdPeer::close);
      reader.close();
    }
  }

  /** Listens to nothing. */
  static final class Deaf implements AttendanceListener {
    @Override
    public void epoch(long epoch) {}

    @Override
    public void ended(LarderException cause) {}
  }
}
