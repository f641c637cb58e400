package dev.larder.coordinator.api;

import dev.larder.coordinator.api.v1.AgentReport;
import dev.larder.coordinator.api.v1.GetWorkResponse;
import dev.larder.coordinator.api.v1.ListWarmUpsResponse;
import dev.larder.coordinator.api.v1.NodeWarmUpState;
import dev.larder.coordinator.api.v1.StartWarmUpRequest;
import dev.larder.coordinator.api.v1.WarmUp;
import dev.larder.coordinator.api.v1.WarmUpState;
import dev.larder.coordinator.api.v1.WarmUpStatus;
import dev.larder.protocol.DatasetName;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Warm-ups and their progress to and from the messages of the wire. Any thread. */
public final class WorkProtos {
  private WorkProtos() {}

  /** A wish to the wire. */
  public static StartWarmUpRequest write(NewWarmUp wish) {
    return StartWarmUpRequest.newBuilder()
        .setDataset(wish.dataset().text())
        .setSnapshot(wish.snapshot())
        .setPathGlob(wish.glob())
        .setNodes(wish.nodes())
        .setTtlMs(wish.ttl().toMillis())
        .setPinned(wish.pinned())
        .setRequestId(wish.requestId())
        .build();
  }

  /** A wish from the wire. */
  public static NewWarmUp read(StartWarmUpRequest wish) {
    return new NewWarmUp(
        new DatasetName(wish.getDataset()),
        wish.getSnapshot(),
        wish.getPathGlob(),
        wish.getNodes(),
        Duration.ofMillis(wish.getTtlMs()),
        wish.getPinned(),
        wish.getRequestId());
  }

  /** A warm-up to the wire. */
  public static WarmUp write(WarmUpJob job) {
    return WarmUp.newBuilder()
        .setId(job.id())
        .setDataset(job.dataset().text())
        .setSnapshot(job.snapshot())
        .setPathGlob(job.glob())
        .setNodes(job.nodes())
        .setPinned(job.pinned())
        .setCreatedAtMs(job.createdAt().toEpochMilli())
        .setExpiresAtMs(job.expiresAt().map(Instant::toEpochMilli).orElse(0L))
        .setState(
            switch (job.state()) {
              case STANDING -> WarmUpState.WARM_UP_STATE_STANDING;
              case CANCELLED -> WarmUpState.WARM_UP_STATE_CANCELLED;
              case EXPIRED -> WarmUpState.WARM_UP_STATE_EXPIRED;
            })
        .setEndedAtMs(job.endedAt().map(Instant::toEpochMilli).orElse(0L))
        .build();
  }

  /** A warm-up from the wire. */
  public static WarmUpJob read(WarmUp job) {
    return new WarmUpJob(
        job.getId(),
        new DatasetName(job.getDataset()),
        job.getSnapshot(),
        job.getPathGlob(),
        job.getNodes(),
        job.getPinned(),
        Instant.ofEpochMilli(job.getCreatedAtMs()),
        time(job.getExpiresAtMs()),
        switch (job.getState()) {
          case WARM_UP_STATE_STANDING -> WarmUpJob.State.STANDING;
          case WARM_UP_STATE_CANCELLED -> WarmUpJob.State.CANCELLED;
          // A state of a newer coordinator's is an end of some kind.
          case WARM_UP_STATE_EXPIRED, WARM_UP_STATE_UNSPECIFIED, UNRECOGNIZED ->
              WarmUpJob.State.EXPIRED;
        },
        time(job.getEndedAtMs()));
  }

  /** Warm-ups with their nodes to the wire. */
  public static ListWarmUpsResponse write(List<WarmUpOverview> all) {
    ListWarmUpsResponse.Builder out = ListWarmUpsResponse.newBuilder();
    for (WarmUpOverview each : all) {
      WarmUpStatus.Builder one = WarmUpStatus.newBuilder().setWarmUp(write(each.job()));
      each.nodes().forEach((id, node) -> one.putNodes(id, write(node)));
      out.addWarmUps(one);
    }
    return out.build();
  }

  /** Warm-ups with their nodes from the wire. */
  public static List<WarmUpOverview> read(ListWarmUpsResponse all) {
    return all.getWarmUpsList().stream()
        .map(each -> {
          Map<String, WarmUpProgress> nodes = new LinkedHashMap<>();
          each.getNodesMap().forEach((id, node) -> nodes.put(id, read(node)));
          return new WarmUpOverview(read(each.getWarmUp()), nodes);
        })
        .toList();
  }

  /** A node's work to the wire. */
  public static GetWorkResponse write(Work work) {
    return GetWorkResponse.newBuilder()
        .setVersion(work.version())
        .addAllWarmUps(work.warmUps().stream().map(WorkProtos::write).toList())
        .addAllPins(work.pins().stream().map(Protos::write).toList())
        .addAllDisputes(work.disputes().stream().map(WorkProtos::write).toList())
        .build();
  }

  /** A node's work from the wire. */
  public static Work read(GetWorkResponse work) {
    return new Work(
        work.getVersion(),
        work.getWarmUpsList().stream().map(WorkProtos::read).toList(),
        work.getPinsList().stream().map(Protos::read).toList(),
        work.getDisputesList().stream().map(WorkProtos::read).toList());
  }

  private static dev.larder.coordinator.api.v1.Dispute write(Dispute dispute) {
    dev.larder.coordinator.api.v1.Dispute.Builder out =
        dev.larder.coordinator.api.v1.Dispute.newBuilder()
            .setNumber(dispute.number())
            .addAllClaims(dispute.claims().stream().map(Protos::write).toList())
            .setReader(dispute.reader())
            .setOpenedAtMs(dispute.openedAt().toEpochMilli())
            .setEndedAtMs(dispute.endedAt().map(Instant::toEpochMilli).orElse(0L));
    dispute.settled().ifPresent(root -> out.setSettled(Protos.write(root)));
    return out.build();
  }

  private static Dispute read(dev.larder.coordinator.api.v1.Dispute dispute) {
    return new Dispute(
        dispute.getNumber(),
        dispute.getClaimsList().stream().map(Protos::read).toList(),
        dispute.getReader(),
        Instant.ofEpochMilli(dispute.getOpenedAtMs()),
        time(dispute.getEndedAtMs()),
        dispute.hasSettled() ? Optional.of(Protos.read(dispute.getSettled())) : Optional.empty());
  }

  /** Puts a node's progress into its report. */
  public static void write(NodeProgress progress, AgentReport.Builder report) {
    report
        .setSaysProgress(true)
        .addAllWarmUps(progress.warmUps().stream().map(WorkProtos::write).toList());
    progress.handOver().ifPresent(handOver -> report.setHandOver(write(handOver)));
  }

  /** A node's progress from its report. */
  public static Optional<NodeProgress> read(AgentReport report) {
    return report.getSaysProgress()
        ? Optional.of(
            new NodeProgress(
                report.getWarmUpsList().stream().map(WorkProtos::read).toList(),
                report.hasHandOver() ? Optional.of(read(report.getHandOver())) : Optional.empty()))
        : Optional.empty();
  }

  /** A hand-over to the wire. */
  static dev.larder.coordinator.api.v1.HandOver write(HandOver handOver) {
    return dev.larder.coordinator.api.v1.HandOver.newBuilder()
        .setPins(handOver.pins())
        .setPinsLeft(handOver.pinsLeft())
        .setWarmUps(handOver.warmUps())
        .setWarmUpsLeft(handOver.warmUpsLeft())
        .setError(handOver.error())
        .build();
  }

  /** A hand-over from the wire. */
  static HandOver read(dev.larder.coordinator.api.v1.HandOver handOver) {
    return new HandOver(
        handOver.getPins(),
        handOver.getPinsLeft(),
        handOver.getWarmUps(),
        handOver.getWarmUpsLeft(),
        handOver.getError());
  }

  private static dev.larder.coordinator.api.v1.WarmUpProgress write(WarmUpProgress progress) {
    return dev.larder.coordinator.api.v1.WarmUpProgress.newBuilder()
        .setWarmUpId(progress.warmUpId())
        .setState(
            switch (progress.state()) {
              case WAITING -> NodeWarmUpState.NODE_WARM_UP_STATE_WAITING;
              case FILLING -> NodeWarmUpState.NODE_WARM_UP_STATE_FILLING;
              case READY -> NodeWarmUpState.NODE_WARM_UP_STATE_READY;
              case FAILED -> NodeWarmUpState.NODE_WARM_UP_STATE_FAILED;
            })
        .setFiles(progress.files())
        .setFilesWanted(progress.filesWanted())
        .setBytes(progress.bytes())
        .setBytesWanted(progress.bytesWanted())
        .setError(progress.error())
        .build();
  }

  private static WarmUpProgress read(dev.larder.coordinator.api.v1.WarmUpProgress progress) {
    return new WarmUpProgress(
        progress.getWarmUpId(),
        switch (progress.getState()) {
          case NODE_WARM_UP_STATE_FILLING -> WarmUpProgress.State.FILLING;
          case NODE_WARM_UP_STATE_READY -> WarmUpProgress.State.READY;
          case NODE_WARM_UP_STATE_FAILED -> WarmUpProgress.State.FAILED;
          // What this side does not know is at least not ready.
          case NODE_WARM_UP_STATE_WAITING, NODE_WARM_UP_STATE_UNSPECIFIED, UNRECOGNIZED ->
              WarmUpProgress.State.WAITING;
        },
        progress.getFiles(),
        progress.getFilesWanted(),
        progress.getBytes(),
        progress.getBytesWanted(),
        progress.getError());
  }

  private static Optional<Instant> time(long millis) {
    return millis == 0 ? Optional.empty() : Optional.of(Instant.ofEpochMilli(millis));
  }
}
