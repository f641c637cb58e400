package dev.larder.coordinator.api;

import dev.larder.coordinator.api.v1.AddSnapshotRequest;
import dev.larder.coordinator.api.v1.CancelWarmUpRequest;
import dev.larder.coordinator.api.v1.CoordinatorGrpc;
import dev.larder.coordinator.api.v1.CoordinatorGrpc.CoordinatorBlockingStub;
import dev.larder.coordinator.api.v1.CreateDatasetRequest;
import dev.larder.coordinator.api.v1.Dataset;
import dev.larder.coordinator.api.v1.DeleteDatasetRequest;
import dev.larder.coordinator.api.v1.DeleteSnapshotsRequest;
import dev.larder.coordinator.api.v1.DrainMemberRequest;
import dev.larder.coordinator.api.v1.GetDatasetRequest;
import dev.larder.coordinator.api.v1.GetHoldersRequest;
import dev.larder.coordinator.api.v1.GetRootsRequest;
import dev.larder.coordinator.api.v1.GetStatusRequest;
import dev.larder.coordinator.api.v1.GetStatusResponse;
import dev.larder.coordinator.api.v1.GetWorkRequest;
import dev.larder.coordinator.api.v1.GetWorkResponse;
import dev.larder.coordinator.api.v1.JoinRequest;
import dev.larder.coordinator.api.v1.LeaveRequest;
import dev.larder.coordinator.api.v1.ListCoordinatorsRequest;
import dev.larder.coordinator.api.v1.ListCoordinatorsResponse;
import dev.larder.coordinator.api.v1.ListDatasetsRequest;
import dev.larder.coordinator.api.v1.ListDatasetsResponse;
import dev.larder.coordinator.api.v1.ListMembersRequest;
import dev.larder.coordinator.api.v1.ListMembersResponse;
import dev.larder.coordinator.api.v1.ListPinsRequest;
import dev.larder.coordinator.api.v1.ListWarmUpsRequest;
import dev.larder.coordinator.api.v1.ListWarmUpsResponse;
import dev.larder.coordinator.api.v1.MovePinRequest;
import dev.larder.coordinator.api.v1.PinRecord;
import dev.larder.coordinator.api.v1.PinRequest;
import dev.larder.coordinator.api.v1.RecordRootsRequest;
import dev.larder.coordinator.api.v1.ReplaceCoordinatorRequest;
import dev.larder.coordinator.api.v1.Snapshot;
import dev.larder.coordinator.api.v1.StartWarmUpRequest;
import dev.larder.coordinator.api.v1.UnpinRequest;
import dev.larder.coordinator.api.v1.WarmUp;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.ManagedChannel;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import javax.net.ssl.SSLException;

/**
 * The coordinators over gRPC with mutual TLS: connections made when they are first needed, the next
 * one tried where one does not answer, the leader followed where another is named. Talks to whom
 * shows a coordinator's certificate, nobody else.
 */
public final class GrpcCoordinatorClient implements CoordinatorClient {
  private static final int MESSAGE_BYTES_MAX = 64 << 20;
  // Finds a host that vanished where nobody waits for an answer: a stream of reports that is idle.
  // Ten seconds is the least that gRPC takes; who waits is told sooner, see Pulse.
  private static final long KEEP_ALIVE_SECONDS = 10;
  private static final long KEEP_ALIVE_WAIT_SECONDS = 3;
  // Who is asked now and then only keeps no connection; a stream of reports is never idle.
  private static final long IDLE_MINUTES = 5;

  private final Doors doors;
  private final CoordinatorClientConfig config;
  private final Retries retries;

  private GrpcCoordinatorClient(Doors doors, CoordinatorClientConfig config) {
    this.doors = doors;
    this.config = config;
    this.retries = new Retries(config);
  }

  /**
   * A client; nothing is sent yet.
   *
   * @throws LarderException BAD_CONFIG when the TLS material cannot be used
   */
  public static GrpcCoordinatorClient connect(CoordinatorClientConfig config, TlsMaterial tls) {
    TlsMaterial trusting = RoleTrust.restrict(tls, Set.of(Role.COORDINATOR));
    try {
      SslContext ssl =
          GrpcSslContexts.configure(
                  SslContextBuilder.forClient()
                      .keyManager(trusting.keys())
                      .trustManager(trusting.trust()),
                  SslProvider.JDK)
              .build();
      return new GrpcCoordinatorClient(
          new Doors(config.addresses(), config.silenceMax(), address -> open(address, ssl, tls)),
          config);
    } catch (SSLException e) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "coordinator.tls cannot be used: " + e.getMessage(), e);
    }
  }

  private static Door open(String address, SslContext ssl, TlsMaterial tls) {
    Door.Lives lives = new Door.Lives(() -> tls);
    ManagedChannel channel =
        NettyChannelBuilder.forTarget("dns:///" + address)
            .sslContext(ssl)
            .intercept(lives)
            .maxInboundMessageSize(MESSAGE_BYTES_MAX)
            .idleTimeout(IDLE_MINUTES, TimeUnit.MINUTES)
            .keepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
            .keepAliveTimeout(KEEP_ALIVE_WAIT_SECONDS, TimeUnit.SECONDS)
            .disableRetry()
            .build();
    return new Door(address, channel, lives);
  }

  @Override
  public long join(MemberInfo member) {
    JoinRequest request = JoinRequest.newBuilder().setMember(Protos.write(member)).build();
    return change(stub -> stub.join(request).getEpoch());
  }

  @Override
  public long leave(String memberId) {
    LeaveRequest request = LeaveRequest.newBuilder().setMemberId(memberId).build();
    return change(stub -> stub.leave(request).getEpoch());
  }

  @Override
  public MemberList members() {
    ListMembersResponse answer =
        call(stub -> stub.listMembers(ListMembersRequest.getDefaultInstance()));
    return Protos.read(answer);
  }

  @Override
  public long drain(String memberId, boolean undo) {
    DrainMemberRequest request =
        DrainMemberRequest.newBuilder().setMemberId(memberId).setUndo(undo).build();
    return change(stub -> stub.drainMember(request).getEpoch());
  }

  @Override
  public Attendance attend(String memberId, AttendanceListener notices) {
    Door door = doors.present();
    return GrpcAttendance.open(
        CoordinatorGrpc.newStub(door.channel()),
        memberId,
        new Redirected(notices, cause -> doors.failed(door.address(), cause)),
        () -> doors.watch(door),
        door::isDue,
        config);
  }

  @Override
  public DatasetDefinition createDataset(
      DatasetName name, String originUri, Map<String, String> originOptions) {
    CreateDatasetRequest request =
        CreateDatasetRequest.newBuilder()
            .setName(name.text())
            .setOriginUri(originUri)
            .putAllOriginOptions(originOptions)
            .setRequestId(UUID.randomUUID().toString())
            .build();
    Dataset answer = change(stub -> stub.createDataset(request));
    return Protos.read(answer);
  }

  @Override
  public DatasetDefinition dataset(DatasetName name) {
    GetDatasetRequest request = GetDatasetRequest.newBuilder().setName(name.text()).build();
    Dataset answer = call(stub -> stub.getDataset(request));
    return Protos.read(answer);
  }

  @Override
  public DatasetList datasetList() {
    return datasetsSince(0).orElseThrow();
  }

  @Override
  public Optional<DatasetList> datasetsSince(long revision) {
    ListDatasetsRequest request =
        ListDatasetsRequest.newBuilder().setKnownRevision(revision).build();
    ListDatasetsResponse answer = call(stub -> stub.listDatasets(request));
    return answer.getUnchanged() ? Optional.empty() : Optional.of(Protos.read(answer));
  }

  @Override
  public void deleteDataset(DatasetName name) {
    DeleteDatasetRequest request =
        DeleteDatasetRequest.newBuilder()
            .setName(name.text())
            .setRequestId(UUID.randomUUID().toString())
            .build();
    change(stub -> stub.deleteDataset(request));
  }

  @Override
  public SnapshotDefinition addSnapshot(DatasetName dataset, NewSnapshot snapshot) {
    AddSnapshotRequest request =
        AddSnapshotRequest.newBuilder()
            .setDataset(dataset.text())
            .setSnapshot(Protos.write(snapshot))
            .build();
    Snapshot answer = change(stub -> stub.addSnapshot(request));
    return Protos.read(answer);
  }

  @Override
  public DatasetDefinition deleteSnapshots(DatasetName dataset, Collection<Long> numbers) {
    DeleteSnapshotsRequest request =
        DeleteSnapshotsRequest.newBuilder()
            .setDataset(dataset.text())
            .addAllNumbers(numbers)
            .build();
    Dataset answer = change(stub -> stub.deleteSnapshots(request));
    return Protos.read(answer);
  }

  @Override
  public List<RecordedRoot> recordRoots(List<RecordedRoot> roots) {
    List<RecordedRoot> conflicts = new ArrayList<>();
    for (List<RecordedRoot> batch : Batches.of(roots, config.batchMax())) {
      RecordRootsRequest request =
          RecordRootsRequest.newBuilder()
              .addAllRoots(batch.stream().map(Protos::write).toList())
              .build();
      change(stub -> stub.recordRoots(request)).getConflictsList().stream()
          .map(Protos::read)
          .forEach(conflicts::add);
    }
    return conflicts;
  }

  @Override
  public Map<BlobKey, RecordedRoot> roots(Collection<BlobKey> keys) {
    Map<BlobKey, RecordedRoot> roots = new LinkedHashMap<>();
    for (List<BlobKey> batch : Batches.of(List.copyOf(keys), config.batchMax())) {
      GetRootsRequest request =
          GetRootsRequest.newBuilder().addAllKeys(Protos.writeKeys(batch)).build();
      call(stub -> stub.getRoots(request)).getRootsList().stream()
          .map(Protos::read)
          .forEach(root -> roots.put(root.key(), root));
    }
    return roots;
  }

  @Override
  public List<String> holders(BlobKey key) {
    GetHoldersRequest request = GetHoldersRequest.newBuilder().setKey(key.toString()).build();
    return List.copyOf(call(stub -> stub.getHolders(request)).getMemberIdsList());
  }

  @Override
  public PathPin pin(NewPin pin, Duration ttl) {
    PinRequest request =
        PinRequest.newBuilder().setPin(Protos.write(pin)).setTtlMs(ttl.toMillis()).build();
    PinRecord answer = change(stub -> stub.pin(request));
    return Protos.read(answer);
  }

  @Override
  public boolean unpin(DatasetName dataset, long snapshot, String glob, String owner) {
    UnpinRequest request =
        UnpinRequest.newBuilder()
            .setDataset(dataset.text())
            .setSnapshot(snapshot)
            .setPathGlob(glob)
            .setOwner(owner)
            .build();
    return change(stub -> stub.unpin(request)).getRemoved() > 0;
  }

  @Override
  public boolean movePin(NewPin pin, String toOwner) {
    MovePinRequest request =
        MovePinRequest.newBuilder()
            .setDataset(pin.dataset().text())
            .setSnapshot(pin.snapshot())
            .setPathGlob(pin.glob())
            .setFrom(pin.owner())
            .setTo(toOwner)
            .build();
    return change(stub -> stub.movePin(request)).getMoved();
  }

  @Override
  public WarmUpJob warmUp(NewWarmUp wish) {
    NewWarmUp named =
        wish.requestId().isEmpty()
            ? new NewWarmUp(
                wish.dataset(),
                wish.snapshot(),
                wish.glob(),
                wish.nodes(),
                wish.ttl(),
                wish.pinned(),
                UUID.randomUUID().toString())
            : wish;
    StartWarmUpRequest request = WorkProtos.write(named);
    WarmUp answer = change(stub -> stub.startWarmUp(request));
    return WorkProtos.read(answer);
  }

  @Override
  public WarmUpJob cancelWarmUp(String id) {
    CancelWarmUpRequest request = CancelWarmUpRequest.newBuilder().setId(id).build();
    WarmUp answer = change(stub -> stub.cancelWarmUp(request));
    return WorkProtos.read(answer);
  }

  @Override
  public List<WarmUpOverview> warmUps() {
    ListWarmUpsResponse answer =
        call(stub -> stub.listWarmUps(ListWarmUpsRequest.getDefaultInstance()));
    return WorkProtos.read(answer);
  }

  @Override
  public Work work(String memberId) {
    GetWorkRequest request = GetWorkRequest.newBuilder().setMemberId(memberId).build();
    GetWorkResponse answer = call(stub -> stub.getWork(request));
    return WorkProtos.read(answer);
  }

  @Override
  public List<PathPin> pins() {
    return call(stub -> stub.listPins(ListPinsRequest.getDefaultInstance())).getPinsList().stream()
        .map(Protos::read)
        .toList();
  }

  @Override
  public CoordinatorStatus status() {
    GetStatusResponse answer = call(stub -> stub.getStatus(GetStatusRequest.getDefaultInstance()));
    return Protos.read(answer);
  }

  @Override
  public List<CoordinatorStatus> statusOfEach(Duration wait) {
    return StatusOfEach.ask(doors.all(), wait);
  }

  @Override
  public List<CoordinatorPeer> coordinators() {
    ListCoordinatorsResponse answer =
        call(stub -> stub.listCoordinators(ListCoordinatorsRequest.getDefaultInstance()));
    return Protos.read(answer);
  }

  @Override
  public List<CoordinatorPeer> replaceCoordinator(
      String removeId, String addId, String addRaftAddress) {
    ReplaceCoordinatorRequest request =
        ReplaceCoordinatorRequest.newBuilder()
            .setRemoveId(removeId)
            .setAddId(addId)
            .setAddRaftAddress(addRaftAddress)
            .build();
    ListCoordinatorsResponse answer = change(stub -> stub.replaceCoordinator(request));
    return Protos.read(answer);
  }

  @Override
  public void close() {
    doors.close(config.deadline().toMillis());
  }

  private <T> T call(Function<CoordinatorBlockingStub, T> request) {
    return ask(false, request);
  }

  private <T> T change(Function<CoordinatorBlockingStub, T> request) {
    return ask(true, request);
  }

  private <T> T ask(boolean isChange, Function<CoordinatorBlockingStub, T> request) {
    Asked asked = new Asked(config.addresses().size(), isChange);
    try {
      return retries.call(nanosLeft -> once(nanosLeft, request, asked));
    } catch (LarderException e) {
      throw asked.summary(e);
    }
  }

  private <T> T once(long nanosLeft, Function<CoordinatorBlockingStub, T> request, Asked asked) {
    Door door = doors.present();
    // One that hangs must leave time for another.
    long patience = doors.isAlone() ? nanosLeft : nanosLeft / 3;
    try (Pulse.Watch _ = doors.watch(door)) {
      return request.apply(
          CoordinatorGrpc.newBlockingStub(door.channel())
              .withDeadlineAfter(patience, TimeUnit.NANOSECONDS));
    } catch (RuntimeException e) {
      LarderException fault = fault(door, e);
      if (fault.code() == ErrorCode.UNAUTHENTICATED && door.isDueNow()) {
        // Refused for files that were replaced since; the next connection shows the new ones.
        throw new LarderException(
            ErrorCode.COORDINATOR_UNAVAILABLE, String.valueOf(fault.getMessage()), e);
      }
      asked.failed(door.address(), e, fault);
      LarderException elsewhere = doors.isAlone() ? fault : Retries.unavailableHere(fault);
      if (elsewhere.code() == ErrorCode.COORDINATOR_UNAVAILABLE) {
        doors.failed(door.address(), elsewhere);
      }
      throw elsewhere;
    }
  }

  /** A connection given up as silent ends calls that wait for its host's address as cancelled. */
  private static LarderException fault(Door door, RuntimeException e) {
    LarderException fault = GrpcStatuses.fromGrpc(e, door.address());
    boolean isGivenUp = fault.code() == ErrorCode.CANCELLED && door.channel().isShutdown();
    return isGivenUp && !Thread.currentThread().isInterrupted()
        ? new LarderException(
            ErrorCode.COORDINATOR_UNAVAILABLE, "coordinator at " + door.address() + " is silent", e)
        : fault;
  }

  /** Learns from the end of a stream where to open the next. */
  private record Redirected(AttendanceListener listener, Consumer<LarderException> end)
      implements AttendanceListener {
    @Override
    public long knownEpoch() {
      return listener.knownEpoch();
    }

    @Override
    public void members(MemberChange change) {
      listener.members(change);
    }

    @Override
    public void epoch(long epoch) {
      listener.epoch(epoch);
    }

    @Override
    public void work(long version) {
      listener.work(version);
    }

    @Override
    public void ended(LarderException cause) {
      end.accept(cause);
      listener.ended(cause);
    }
  }
}
