package dev.larder.coordinator.api;

import dev.larder.coordinator.api.v1.AddSnapshotRequest;
import dev.larder.coordinator.api.v1.CoordinatorGrpc;
import dev.larder.coordinator.api.v1.CoordinatorGrpc.CoordinatorBlockingStub;
import dev.larder.coordinator.api.v1.CreateDatasetRequest;
import dev.larder.coordinator.api.v1.Dataset;
import dev.larder.coordinator.api.v1.DeleteDatasetRequest;
import dev.larder.coordinator.api.v1.DeleteSnapshotsRequest;
import dev.larder.coordinator.api.v1.GetDatasetRequest;
import dev.larder.coordinator.api.v1.GetHoldersRequest;
import dev.larder.coordinator.api.v1.GetRootsRequest;
import dev.larder.coordinator.api.v1.GetStatusRequest;
import dev.larder.coordinator.api.v1.GetStatusResponse;
import dev.larder.coordinator.api.v1.JoinRequest;
import dev.larder.coordinator.api.v1.LeaveRequest;
import dev.larder.coordinator.api.v1.ListDatasetsRequest;
import dev.larder.coordinator.api.v1.ListDatasetsResponse;
import dev.larder.coordinator.api.v1.ListMembersRequest;
import dev.larder.coordinator.api.v1.ListMembersResponse;
import dev.larder.coordinator.api.v1.ListPinsRequest;
import dev.larder.coordinator.api.v1.PinRecord;
import dev.larder.coordinator.api.v1.PinRequest;
import dev.larder.coordinator.api.v1.RecordRootsRequest;
import dev.larder.coordinator.api.v1.Snapshot;
import dev.larder.coordinator.api.v1.UnpinRequest;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.ManagedChannel;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import javax.net.ssl.SSLException;

/**
 * The coordinator over gRPC with mutual TLS: one connection, made when it is first needed. Talks to
 * whom shows a coordinator's certificate, nobody else.
 */
public final class GrpcCoordinatorClient implements CoordinatorClient {
  private static final int MESSAGE_BYTES_MAX = 64 << 20;
  private static final long KEEP_ALIVE_SECONDS = 300;

  private final ManagedChannel channel;
  private final CoordinatorClientConfig config;
  private final Retries retries;

  private GrpcCoordinatorClient(ManagedChannel channel, CoordinatorClientConfig config) {
    this.channel = channel;
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
      return new GrpcCoordinatorClient(
          NettyChannelBuilder.forAddress(config.host(), config.port())
              .sslContext(
                  GrpcSslContexts.configure(
                          SslContextBuilder.forClient()
                              .keyManager(trusting.keys())
                              .trustManager(trusting.trust()),
                          SslProvider.JDK)
                      .build())
              .maxInboundMessageSize(MESSAGE_BYTES_MAX)
              .keepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
              .disableRetry()
              .build(),
          config);
    } catch (SSLException e) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "coordinator.tls cannot be used: " + e.getMessage(), e);
    }
  }

  @Override
  public long join(MemberInfo member) {
    JoinRequest request = JoinRequest.newBuilder().setMember(Protos.write(member)).build();
    return call(stub -> stub.join(request).getEpoch());
  }

  @Override
  public long leave(String memberId) {
    LeaveRequest request = LeaveRequest.newBuilder().setMemberId(memberId).build();
    return call(stub -> stub.leave(request).getEpoch());
  }

  @Override
  public MemberList members() {
    ListMembersResponse answer =
        call(stub -> stub.listMembers(ListMembersRequest.getDefaultInstance()));
    return Protos.read(answer);
  }

  @Override
  public Attendance attend(String memberId, AttendanceListener notices) {
    return GrpcAttendance.open(CoordinatorGrpc.newStub(channel), memberId, notices, config);
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
    Dataset answer = call(stub -> stub.createDataset(request));
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
    ListDatasetsResponse answer =
        call(stub -> stub.listDatasets(ListDatasetsRequest.getDefaultInstance()));
    return Protos.read(answer);
  }

  @Override
  public void deleteDataset(DatasetName name) {
    DeleteDatasetRequest request =
        DeleteDatasetRequest.newBuilder()
            .setName(name.text())
            .setRequestId(UUID.randomUUID().toString())
            .build();
    call(stub -> stub.deleteDataset(request));
  }

  @Override
  public SnapshotDefinition addSnapshot(DatasetName dataset, NewSnapshot snapshot) {
    AddSnapshotRequest request =
        AddSnapshotRequest.newBuilder()
            .setDataset(dataset.text())
            .setSnapshot(Protos.write(snapshot))
            .build();
    Snapshot answer = call(stub -> stub.addSnapshot(request));
    return Protos.read(answer);
  }

  @Override
  public DatasetDefinition deleteSnapshots(DatasetName dataset, Collection<Long> numbers) {
    DeleteSnapshotsRequest request =
        DeleteSnapshotsRequest.newBuilder()
            .setDataset(dataset.text())
            .addAllNumbers(numbers)
            .build();
    Dataset answer = call(stub -> stub.deleteSnapshots(request));
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
      call(stub -> stub.recordRoots(request)).getConflictsList().stream()
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
  public PathPin pin(NewPin pin) {
    PinRequest request = PinRequest.newBuilder().setPin(Protos.write(pin)).build();
    PinRecord answer = call(stub -> stub.pin(request));
    return Protos.read(answer);
  }

  @Override
  public boolean unpin(DatasetName dataset, long snapshot, String glob) {
    UnpinRequest request =
        UnpinRequest.newBuilder()
            .setDataset(dataset.text())
            .setSnapshot(snapshot)
            .setPathGlob(glob)
            .build();
    return call(stub -> stub.unpin(request)).getRemoved() > 0;
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
  public void close() {
    channel.shutdownNow();
    try {
      channel.awaitTermination(config.deadline().toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private <T> T call(Function<CoordinatorBlockingStub, T> request) {
    if (channel.isShutdown()) {
      throw new LarderException(ErrorCode.CLOSED, "the connection to the coordinator is closed");
    }
    return retries.call(nanosLeft ->
        request.apply(
            CoordinatorGrpc.newBlockingStub(channel)
                .withDeadlineAfter(nanosLeft, TimeUnit.NANOSECONDS)));
  }
}
