package dev.larder.perf.worker;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClient.Attendance;
import dev.larder.coordinator.api.CoordinatorClient.AttendanceListener;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.CoordinatorPeer;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.HoldingReport;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.api.v1.HealthGrpc;
import dev.larder.coordinator.api.v1.PingRequest;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** What takes changes and lookups in a comparison: three coordinators, or three members of etcd. */
interface LoadedStore extends AutoCloseable {
  /** What a lookup finds: each held by three members. */
  int KNOWN = 5_000;

  int WRITERS_A_CONNECTION = 8;

  /** Makes a change durable over the connection of a writer. */
  void put(int writer, BlobKey key);

  /** Looks up something known over a connection of its own. */
  void lookup();

  /** A call on such a connection that does nothing where it is answered. */
  void nothing();

  @Override
  void close();

  private static BlobKey known(int number) {
    return BlobKey.origin(new Digest(number, 1, 2, 3));
  }

  private static BlobKey anyKnown() {
    return known(ThreadLocalRandom.current().nextInt(KNOWN));
  }

  /** Coordinators, asked as agents ask them. */
  final class Coordinators implements LoadedStore {
    private final List<CoordinatorClient> connections = new ArrayList<>();
    private final CoordinatorClient reader;
    private final ManagedChannel leader;

    Coordinators(List<String> addresses, TlsMaterial tls, int writers) throws IOException {
      CoordinatorClientConfig config = CoordinatorClientConfig.of(addresses);
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
      String door =
          reader.coordinators().stream()
              .filter(CoordinatorPeer::leader)
              .map(CoordinatorPeer::address)
              .findFirst()
              .orElseThrow(() -> new IOException("no coordinator leads"));
      leader = EtcdPeer.channel(door, tls);
    }

    @Override
    public void put(int writer, BlobKey key) {
      RecordedRoot root =
          new RecordedRoot(key, 1 << 20, new Digest(1, 2, 3, writer), Trust.ATTESTED, "holder-0");
      connections.get(writer / WRITERS_A_CONNECTION).recordRoots(List.of(root));
    }

    @Override
    public void lookup() {
      BlobKey known = anyKnown();
      int holders = reader.holders(known).size();
      if (holders != 3) {
        throw new IllegalStateException(known + " has " + holders + " holders");
      }
    }

    @Override
    public void nothing() {
      HealthGrpc.HealthBlockingStub stub =
          HealthGrpc.newBlockingStub(leader).withDeadlineAfter(30, TimeUnit.SECONDS);
      if (!stub.ping(PingRequest.getDefaultInstance()).getLeader()) {
        throw new IllegalStateException("the leader changed");
      }
    }

    @Override
    public void close() {
      connections.forEach(CoordinatorClient::close);
      reader.close();
      leader.shutdownNow();
    }
  }

  /** Members of etcd; the leader is asked, as it is of the coordinators. */
  final class Etcd implements LoadedStore {
    /** With the key about what a record of a root takes in the coordinators' log. */
    private static final int VALUE_BYTES = 56;

    private final List<EtcdPeer> connections = new ArrayList<>();
    private final EtcdPeer reader;

    Etcd(List<String> addresses, TlsMaterial tls, int writers) throws IOException {
      String leader = leader(addresses, tls);
      for (int i = 0; i < writers; i += WRITERS_A_CONNECTION) {
        connections.add(new EtcdPeer(leader, tls));
      }
      reader = new EtcdPeer(leader, tls);
      for (int i = 0; i < KNOWN; i++) {
        reader.put(known(i).binary(), new byte[VALUE_BYTES]);
      }
    }

    private static String leader(List<String> addresses, TlsMaterial tls) throws IOException {
      for (String address : addresses) {
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
    public void lookup() {
      BlobKey known = anyKnown();
      if (!reader.has(known.binary())) {
        throw new IllegalStateException(known + " is not there");
      }
    }

    /** The least that etcd's protocol has: what a member says of itself. */
    @Override
    public void nothing() {
      if (!reader.leads()) {
        throw new IllegalStateException("the leader changed");
      }
    }

    @Override
    public void close() {
      connections.forEach(EtcdPeer::close);
      reader.close();
    }
  }

  /** Listens to nothing. */
  final class Deaf implements AttendanceListener {
    @Override
    public void epoch(long epoch) {}

    @Override
    public void ended(LarderException cause) {}
  }
}
