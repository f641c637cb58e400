package dev.larder.coordinator.service;

import dev.larder.coordinator.api.GrpcStatuses;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.Protos;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.WorkProtos;
import dev.larder.coordinator.api.v1.AddSnapshotRequest;
import dev.larder.coordinator.api.v1.AgentReport;
import dev.larder.coordinator.api.v1.CancelWarmUpRequest;
import dev.larder.coordinator.api.v1.CoordinatorGrpc;
import dev.larder.coordinator.api.v1.CoordinatorNotice;
import dev.larder.coordinator.api.v1.CreateDatasetRequest;
import dev.larder.coordinator.api.v1.Dataset;
import dev.larder.coordinator.api.v1.DeleteDatasetRequest;
import dev.larder.coordinator.api.v1.DeleteDatasetResponse;
import dev.larder.coordinator.api.v1.DeleteSnapshotsRequest;
import dev.larder.coordinator.api.v1.DrainMemberRequest;
import dev.larder.coordinator.api.v1.DrainMemberResponse;
import dev.larder.coordinator.api.v1.GetDatasetRequest;
import dev.larder.coordinator.api.v1.GetHoldersRequest;
import dev.larder.coordinator.api.v1.GetHoldersResponse;
import dev.larder.coordinator.api.v1.GetRootsRequest;
import dev.larder.coordinator.api.v1.GetRootsResponse;
import dev.larder.coordinator.api.v1.GetStatusRequest;
import dev.larder.coordinator.api.v1.GetStatusResponse;
import dev.larder.coordinator.api.v1.GetWorkRequest;
import dev.larder.coordinator.api.v1.GetWorkResponse;
import dev.larder.coordinator.api.v1.JoinRequest;
import dev.larder.coordinator.api.v1.JoinResponse;
import dev.larder.coordinator.api.v1.LeaveRequest;
import dev.larder.coordinator.api.v1.LeaveResponse;
import dev.larder.coordinator.api.v1.ListCoordinatorsRequest;
import dev.larder.coordinator.api.v1.ListCoordinatorsResponse;
import dev.larder.coordinator.api.v1.ListDatasetsRequest;
import dev.larder.coordinator.api.v1.ListDatasetsResponse;
import dev.larder.coordinator.api.v1.ListMembersRequest;
import dev.larder.coordinator.api.v1.ListMembersResponse;
import dev.larder.coordinator.api.v1.ListPinsRequest;
import dev.larder.coordinator.api.v1.ListPinsResponse;
import dev.larder.coordinator.api.v1.ListWarmUpsRequest;
import dev.larder.coordinator.api.v1.ListWarmUpsResponse;
import dev.larder.coordinator.api.v1.MovePinRequest;
import dev.larder.coordinator.api.v1.MovePinResponse;
import dev.larder.coordinator.api.v1.PinRecord;
import dev.larder.coordinator.api.v1.PinRequest;
import dev.larder.coordinator.api.v1.RecordRootsRequest;
import dev.larder.coordinator.api.v1.RecordRootsResponse;
import dev.larder.coordinator.api.v1.ReplaceCoordinatorRequest;
import dev.larder.coordinator.api.v1.Snapshot;
import dev.larder.coordinator.api.v1.StartWarmUpRequest;
import dev.larder.coordinator.api.v1.UnpinRequest;
import dev.larder.coordinator.api.v1.UnpinResponse;
import dev.larder.coordinator.api.v1.WarmUp;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The gRPC side of {@link LocalCoordinator}: translates, and bounds what one message may hold. */
final class CoordinatorService extends CoordinatorGrpc.CoordinatorImplBase {
  private static final Logger log = LoggerFactory.getLogger(CoordinatorService.class);

  private final LocalCoordinator coordinator;
  private final int batchMax;

  CoordinatorService(LocalCoordinator coordinator, int batchMax) {
    this.coordinator = coordinator;
    this.batchMax = batchMax;
  }

  @Override
  public void join(JoinRequest request, StreamObserver<JoinResponse> out) {
    answer(
        out,
        () -> {
          Caller.present().speakFor(request.getMember().getId());
          return JoinResponse.newBuilder()
              .setEpoch(coordinator.join(Protos.read(request.getMember())))
              .build();
        });
  }

  @Override
  public void leave(LeaveRequest request, StreamObserver<LeaveResponse> out) {
    answer(
        out,
        () -> {
          mayRemove(Caller.present(), request.getMemberId());
          return LeaveResponse.newBuilder()
              .setEpoch(coordinator.leave(request.getMemberId()))
              .build();
        });
  }

  /**
   * A person may ask any agent to take away what is left of a node that is gone; of one that is
   * there no other agent does.
   */
  private void mayRemove(Caller caller, String memberId) {
    if (caller.role() == Role.AGENT
        && !memberId.isEmpty()
        && !caller.names(memberId)
        && coordinator.isAttending(memberId)) {
      throw new LarderException(
          ErrorCode.BAD_REQUEST,
          "node \""
              + memberId
              + "\" is there: do it at that node, or end its agent first; another node may only"
              + " remove what is left of one that is gone");
    }
  }

  @Override
  public void listMembers(ListMembersRequest request, StreamObserver<ListMembersResponse> out) {
    answer(out, () -> Protos.write(coordinator.members()));
  }

  @Override
  public void drainMember(DrainMemberRequest request, StreamObserver<DrainMemberResponse> out) {
    answer(
        out,
        () ->
            DrainMemberResponse.newBuilder()
                .setEpoch(coordinator.drain(request.getMemberId(), request.getUndo()))
                .build());
  }

  @Override
  public void listCoordinators(
      ListCoordinatorsRequest request, StreamObserver<ListCoordinatorsResponse> out) {
    answer(out, () -> Protos.write(coordinator.coordinators()));
  }

  @Override
  public void replaceCoordinator(
      ReplaceCoordinatorRequest request, StreamObserver<ListCoordinatorsResponse> out) {
    answer(
        out,
        () ->
            Protos.write(
                coordinator.replaceCoordinator(
                    request.getRemoveId(), request.getAddId(), request.getAddRaftAddress())));
  }

  @Override
  public StreamObserver<AgentReport> attend(StreamObserver<CoordinatorNotice> out) {
    return new AttendStream(coordinator, batchMax, Caller.present(), out);
  }

  @Override
  public void createDataset(CreateDatasetRequest request, StreamObserver<Dataset> out) {
    answer(
        out,
        () ->
            Protos.write(
                coordinator.createDataset(
                    new DatasetName(request.getName()),
                    request.getOriginUri(),
                    request.getOriginOptionsMap(),
                    request.getRequestId())));
  }

  @Override
  public void getDataset(GetDatasetRequest request, StreamObserver<Dataset> out) {
    answer(out, () -> Protos.write(coordinator.dataset(new DatasetName(request.getName()))));
  }

  @Override
  public void listDatasets(ListDatasetsRequest request, StreamObserver<ListDatasetsResponse> out) {
    answer(
        out,
        () ->
            coordinator
                .datasetsSince(request.getKnownRevision())
                .map(Protos::write)
                .orElseGet(() -> ListDatasetsResponse.newBuilder().setUnchanged(true).build()));
  }

  @Override
  public void deleteDataset(
      DeleteDatasetRequest request, StreamObserver<DeleteDatasetResponse> out) {
    answer(
        out,
        () -> {
          coordinator.deleteDataset(new DatasetName(request.getName()), request.getRequestId());
          return DeleteDatasetResponse.getDefaultInstance();
        });
  }

  @Override
  public void addSnapshot(AddSnapshotRequest request, StreamObserver<Snapshot> out) {
    answer(
        out,
        () ->
            Protos.write(
                coordinator.addSnapshot(
                    new DatasetName(request.getDataset()),
                    Protos.read(request.getSnapshot()).content())));
  }

  @Override
  public void deleteSnapshots(DeleteSnapshotsRequest request, StreamObserver<Dataset> out) {
    answer(
        out,
        () ->
            Protos.write(
                coordinator.deleteSnapshots(
                    new DatasetName(request.getDataset()), request.getNumbersList())));
  }

  @Override
  public void recordRoots(RecordRootsRequest request, StreamObserver<RecordRootsResponse> out) {
    answer(
        out,
        () -> {
          Checks.batch(request.getRootsCount(), batchMax);
          Caller caller = Caller.present();
          request.getRootsList().forEach(root -> caller.speakFor(root.getMemberId()));
          List<RecordedRoot> roots = request.getRootsList().stream().map(Protos::read).toList();
          return RecordRootsResponse.newBuilder()
              .addAllConflicts(coordinator.recordRoots(roots).stream().map(Protos::write).toList())
              .build();
        });
  }

  @Override
  public void getRoots(GetRootsRequest request, StreamObserver<GetRootsResponse> out) {
    answer(
        out,
        () -> {
          Checks.batch(request.getKeysCount(), batchMax);
          List<BlobKey> keys = Protos.readKeys(request.getKeysList());
          return GetRootsResponse.newBuilder()
              .addAllRoots(coordinator.roots(keys).values().stream().map(Protos::write).toList())
              .build();
        });
  }

  @Override
  public void getHolders(GetHoldersRequest request, StreamObserver<GetHoldersResponse> out) {
    answer(
        out,
        () ->
            GetHoldersResponse.newBuilder()
                .addAllMemberIds(coordinator.holders(BlobKey.parse(request.getKey())))
                .build());
  }

  @Override
  public void pin(PinRequest request, StreamObserver<PinRecord> out) {
    answer(
        out,
        () -> {
          String owner = request.getPin().getOwner();
          Caller caller = Caller.present();
          if (caller.role() == Role.AGENT && !owner.isEmpty()) {
            caller.speakFor(owner);
          }
          return Protos.write(
              coordinator.pin(
                  Protos.read(request.getPin()).pin(), Duration.ofMillis(request.getTtlMs())));
        });
  }

  @Override
  public void unpin(UnpinRequest request, StreamObserver<UnpinResponse> out) {
    answer(
        out,
        () -> {
          mayRemove(Caller.present(), request.getOwner());
          boolean isRemoved =
              coordinator.unpin(
                  new DatasetName(request.getDataset()),
                  request.getSnapshot(),
                  request.getPathGlob(),
                  request.getOwner());
          return UnpinResponse.newBuilder().setRemoved(isRemoved ? 1 : 0).build();
        });
  }

  @Override
  public void listPins(ListPinsRequest request, StreamObserver<ListPinsResponse> out) {
    answer(
        out,
        () ->
            ListPinsResponse.newBuilder()
                .addAllPins(
                    coordinator.pins().stream()
                        .filter(pin ->
                            request.getDataset().isEmpty()
                                || pin.pin().dataset().text().equals(request.getDataset()))
                        .map(Protos::write)
                        .toList())
                .build());
  }

  @Override
  public void movePin(MovePinRequest request, StreamObserver<MovePinResponse> out) {
    answer(
        out,
        () -> {
          Caller.present().speakFor(request.getFrom());
          NewPin pin =
              new NewPin(
                  new DatasetName(request.getDataset()),
                  request.getSnapshot(),
                  request.getPathGlob(),
                  Optional.empty(),
                  request.getFrom(),
                  0,
                  0);
          return MovePinResponse.newBuilder()
              .setMoved(coordinator.movePin(pin, request.getTo()))
              .build();
        });
  }

  @Override
  public void startWarmUp(StartWarmUpRequest request, StreamObserver<WarmUp> out) {
    answer(out, () -> WorkProtos.write(coordinator.warmUp(WorkProtos.read(request))));
  }

  @Override
  public void cancelWarmUp(CancelWarmUpRequest request, StreamObserver<WarmUp> out) {
    answer(out, () -> WorkProtos.write(coordinator.cancelWarmUp(request.getId())));
  }

  @Override
  public void listWarmUps(ListWarmUpsRequest request, StreamObserver<ListWarmUpsResponse> out) {
    answer(out, () -> WorkProtos.write(coordinator.warmUps()));
  }

  @Override
  public void getWork(GetWorkRequest request, StreamObserver<GetWorkResponse> out) {
    answer(
        out,
        () -> {
          Caller.present().speakFor(request.getMemberId());
          return WorkProtos.write(coordinator.work(request.getMemberId()));
        });
  }

  @Override
  public void getStatus(GetStatusRequest request, StreamObserver<GetStatusResponse> out) {
    answer(out, () -> Protos.write(coordinator.status()));
  }

  private static <T> void answer(StreamObserver<T> out, Supplier<T> work) {
    T answer;
    try {
      answer = work.get();
    } catch (RuntimeException e) {
      out.onError(fault(e));
      return;
    }
    out.onNext(answer);
    out.onCompleted();
  }

  /** What the caller sees of a failure: codes as they are, defects without their insides. */
  static StatusRuntimeException fault(RuntimeException failure) {
    if (failure instanceof LarderException known) {
      return GrpcStatuses.toGrpc(known);
    }
    log.error("a request met a defect", failure);
    return GrpcStatuses.toGrpc(
        new LarderException(
            ErrorCode.INTERNAL, "a defect in the coordinator; its log has the trace", failure));
  }
}
