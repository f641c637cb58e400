package dev.larder.coordinator.logic;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnsafeByteOperations;
import dev.larder.coordinator.api.PathPin;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.logic.v1.AddSnapshotBody;
import dev.larder.coordinator.logic.v1.ChangeMembersBody;
import dev.larder.coordinator.logic.v1.CoordinatorValue;
import dev.larder.coordinator.logic.v1.CreateDatasetBody;
import dev.larder.coordinator.logic.v1.DeleteDatasetBody;
import dev.larder.coordinator.logic.v1.DeleteSnapshotsBody;
import dev.larder.coordinator.logic.v1.DisputeRootsBody;
import dev.larder.coordinator.logic.v1.EndWarmUpsBody;
import dev.larder.coordinator.logic.v1.Envelope;
import dev.larder.coordinator.logic.v1.ExpirePinsBody;
import dev.larder.coordinator.logic.v1.HoldingsBody;
import dev.larder.coordinator.logic.v1.LeaveBody;
import dev.larder.coordinator.logic.v1.MovePinBody;
import dev.larder.coordinator.logic.v1.PutWarmUpBody;
import dev.larder.coordinator.logic.v1.RecordRootsBody;
import dev.larder.coordinator.logic.v1.RemovePinBody;
import dev.larder.coordinator.logic.v1.RootValue;
import dev.larder.coordinator.logic.v1.TendDisputesBody;
import dev.larder.coordinator.logic.v1.TogetherBody;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * Records as bytes of the Raft log: an Envelope of records.proto. Equal records have equal bytes.
 * Any thread.
 */
public final class RecordCodec {
  /** Version this code writes; it reads no newer one, because guessing would fork the state. */
  public static final int VERSION = 1;

  private RecordCodec() {}

  /** A record's bytes. */
  public static byte[] encode(Record record) {
    Envelope.Builder out = Envelope.newBuilder().setVersion(VERSION);
    switch (record) {
      case Record.Join join -> out.setJoin(Values.of(join.member()));
      case Record.Leave leave -> out.setLeave(LeaveBody.newBuilder().setMemberId(leave.memberId()));
      case Record.ChangeMembers change ->
          out.setChangeMembers(
              ChangeMembersBody.newBuilder()
                  .addAllJoin(change.join().stream().map(Values::of).toList())
                  .addAllLeave(change.leave())
                  .addAllDrain(change.drain())
                  .addAllUndrain(change.undrain())
                  .addAllStable(change.stable())
                  .setPublish(change.publish())
                  .setAtMs(change.at().toEpochMilli()));
      case Record.PutCoordinator put ->
          out.setPutCoordinator(
              CoordinatorValue.newBuilder().setId(put.id()).setAddress(put.address()));
      case Record.CreateDataset create ->
          out.setCreateDataset(
              CreateDatasetBody.newBuilder()
                  .setName(create.name().text())
                  .setOriginUri(create.originUri())
                  .addAllOriginOptions(Values.pairs(create.originOptions()))
                  .setCreatedAtMs(create.createdAt().toEpochMilli())
                  .setRequestId(create.requestId()));
      case Record.DeleteDataset delete ->
          out.setDeleteDataset(
              DeleteDatasetBody.newBuilder()
                  .setName(delete.name().text())
                  .setRequestId(delete.requestId())
                  .setTombstonesMax(delete.tombstonesMax()));
      case Record.AddSnapshot add ->
          out.setAddSnapshot(
              AddSnapshotBody.newBuilder()
                  .setDataset(add.dataset().text())
                  .setSnapshot(Values.of(0, add.snapshot())));
      case Record.DeleteSnapshots delete ->
          out.setDeleteSnapshots(
              DeleteSnapshotsBody.newBuilder()
                  .setDataset(delete.dataset().text())
                  .addAllNumbers(delete.numbers()));
      case Record.RecordRoots roots -> {
        RecordRootsBody.Builder body = RecordRootsBody.newBuilder();
        roots
            .roots()
            .forEach(root -> body.addRoots(Values.of(root).setKey(Values.bytes(root.key()))));
        out.setRecordRoots(body);
      }
      case Record.DisputeRoots dispute -> {
        DisputeRootsBody.Builder body =
            DisputeRootsBody.newBuilder()
                .setNowMs(dispute.now().toEpochMilli())
                .setOpenMax(dispute.openMax())
                .setKeptMax(dispute.keptMax());
        dispute
            .claims()
            .forEach(root -> body.addClaims(Values.of(root).setKey(Values.bytes(root.key()))));
        out.setDisputeRoots(body);
      }
      case Record.TendDisputes tend ->
          out.setTendDisputes(
              TendDisputesBody.newBuilder()
                  .setNowMs(tend.now().toEpochMilli())
                  .setReadMs(tend.readFor().toMillis())
                  .setLastsMs(tend.lasts().toMillis())
                  .setKeptMax(tend.keptMax()));
      case Record.Holdings holdings ->
          out.setHoldings(
              HoldingsBody.newBuilder()
                  .setMemberId(holdings.memberId())
                  .addAllNowHolding(holdings.nowHolding().stream().map(Values::bytes).toList())
                  .addAllGone(holdings.gone().stream().map(Values::bytes).toList())
                  .setComplete(holdings.complete()));
      case Record.PutPin put -> out.setPutPin(Values.of(put.id(), put.pin(), put.createdAt()));
      case Record.RemovePin remove ->
          out.setRemovePin(
              RemovePinBody.newBuilder()
                  .setDataset(remove.dataset().text())
                  .setSnapshot(remove.snapshot())
                  .setGlob(remove.glob())
                  .setOwner(remove.owner()));
      case Record.MovePin move ->
          out.setMovePin(
              MovePinBody.newBuilder()
                  .setDataset(move.dataset().text())
                  .setSnapshot(move.snapshot())
                  .setGlob(move.glob())
                  .setFrom(move.from())
                  .setTo(move.to()));
      case Record.PutWarmUp put ->
          out.setPutWarmUp(PutWarmUpBody.newBuilder().setWarmUp(WarmUps.value(put)));
      case Record.EndWarmUps end ->
          out.setEndWarmUps(
              EndWarmUpsBody.newBuilder()
                  .setNumber(end.number())
                  .setNowMs(end.now().toEpochMilli())
                  .setKeptMax(end.keptMax()));
      case Record.ExpirePins expire ->
          out.setExpirePins(ExpirePinsBody.newBuilder().setNowMs(expire.now().toEpochMilli()));
      case Record.Together together ->
          out.setTogether(body(together.records().stream().map(RecordCodec::encode).toList()));
    }
    return out.build().toByteArray();
  }

  /**
   * The bytes of a {@link Record.Together}.
   *
   * @param records bytes of its records, which stay as they are
   */
  public static byte[] together(List<byte[]> records) {
    return Envelope.newBuilder()
        .setVersion(VERSION)
        .setTogether(body(records))
        .build()
        .toByteArray();
  }

  private static TogetherBody body(List<byte[]> records) {
    TogetherBody.Builder body = TogetherBody.newBuilder();
    records.forEach(record -> body.addRecords(UnsafeByteOperations.unsafeWrap(record)));
    return body.build();
  }

  /**
   * A record from bytes.
   *
   * @throws LarderException STORE_CORRUPT for anything {@link #encode} never wrote, STORE_UNUSABLE
   *     for a version or kind newer than this code
   */
  public static Record decode(byte[] bytes) {
    try {
      Envelope envelope = Envelope.parseFrom(bytes);
      if (envelope.getVersion() > VERSION) {
        throw newer("version " + envelope.getVersion());
      }
      if (envelope.getVersion() < 1) {
        throw new LarderException(ErrorCode.STORE_CORRUPT, "a coordinator record has no version");
      }
      return read(envelope);
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      throw new LarderException(
          ErrorCode.STORE_CORRUPT, "a coordinator record cannot be read: " + e.getMessage(), e);
    }
  }

  private static Record read(Envelope envelope) {
    return switch (envelope.getBodyCase()) {
      case JOIN -> new Record.Join(Values.member(envelope.getJoin()));
      case LEAVE -> new Record.Leave(envelope.getLeave().getMemberId());
      case CHANGE_MEMBERS -> {
        ChangeMembersBody body = envelope.getChangeMembers();
        yield new Record.ChangeMembers(
            body.getJoinList().stream().map(Values::member).toList(),
            List.copyOf(body.getLeaveList()),
            List.copyOf(body.getDrainList()),
            List.copyOf(body.getUndrainList()),
            List.copyOf(body.getStableList()),
            body.getPublish(),
            Instant.ofEpochMilli(body.getAtMs()));
      }
      case PUT_COORDINATOR ->
          new Record.PutCoordinator(
              envelope.getPutCoordinator().getId(), envelope.getPutCoordinator().getAddress());
      case CREATE_DATASET -> {
        CreateDatasetBody body = envelope.getCreateDataset();
        yield new Record.CreateDataset(
            new DatasetName(body.getName()),
            body.getOriginUri(),
            Values.map(body.getOriginOptionsList()),
            Instant.ofEpochMilli(body.getCreatedAtMs()),
            body.getRequestId());
      }
      case DELETE_DATASET ->
          new Record.DeleteDataset(
              new DatasetName(envelope.getDeleteDataset().getName()),
              envelope.getDeleteDataset().getRequestId(),
              envelope.getDeleteDataset().getTombstonesMax());
      case ADD_SNAPSHOT ->
          new Record.AddSnapshot(
              new DatasetName(envelope.getAddSnapshot().getDataset()),
              Values.snapshot(envelope.getAddSnapshot().getSnapshot()).content());
      case DELETE_SNAPSHOTS ->
          new Record.DeleteSnapshots(
              new DatasetName(envelope.getDeleteSnapshots().getDataset()),
              List.copyOf(envelope.getDeleteSnapshots().getNumbersList()));
      case RECORD_ROOTS -> new Record.RecordRoots(roots(envelope.getRecordRoots().getRootsList()));
      case DISPUTE_ROOTS -> {
        DisputeRootsBody body = envelope.getDisputeRoots();
        yield new Record.DisputeRoots(
            roots(body.getClaimsList()),
            Instant.ofEpochMilli(body.getNowMs()),
            body.getOpenMax(),
            body.getKeptMax());
      }
      case TEND_DISPUTES -> {
        TendDisputesBody body = envelope.getTendDisputes();
        yield new Record.TendDisputes(
            Instant.ofEpochMilli(body.getNowMs()),
            Duration.ofMillis(body.getReadMs()),
            Duration.ofMillis(body.getLastsMs()),
            body.getKeptMax());
      }
      case HOLDINGS -> {
        HoldingsBody body = envelope.getHoldings();
        yield new Record.Holdings(
            body.getMemberId(),
            keys(body.getNowHoldingList()),
            keys(body.getGoneList()),
            body.getComplete());
      }
      case PUT_PIN -> {
        PathPin pin = Values.pin(envelope.getPutPin());
        yield new Record.PutPin(pin.id(), pin.pin(), pin.createdAt());
      }
      case REMOVE_PIN ->
          new Record.RemovePin(
              new DatasetName(envelope.getRemovePin().getDataset()),
              envelope.getRemovePin().getSnapshot(),
              envelope.getRemovePin().getGlob(),
              envelope.getRemovePin().getOwner());
      case MOVE_PIN -> {
        MovePinBody body = envelope.getMovePin();
        yield new Record.MovePin(
            new DatasetName(body.getDataset()),
            body.getSnapshot(),
            body.getGlob(),
            body.getFrom(),
            body.getTo());
      }
      case PUT_WARM_UP -> WarmUps.record(envelope.getPutWarmUp().getWarmUp());
      case END_WARM_UPS -> {
        EndWarmUpsBody body = envelope.getEndWarmUps();
        yield new Record.EndWarmUps(
            body.getNumber(), Instant.ofEpochMilli(body.getNowMs()), body.getKeptMax());
      }
      case EXPIRE_PINS ->
          new Record.ExpirePins(Instant.ofEpochMilli(envelope.getExpirePins().getNowMs()));
      case TOGETHER ->
          new Record.Together(
              envelope.getTogether().getRecordsList().stream()
                  .map(bytes -> sharing(decode(bytes.toByteArray())))
                  .toList());
      case BODY_NOT_SET -> throw newer("of a kind");
    };
  }

  private static List<RecordedRoot> roots(List<RootValue> roots) {
    return roots.stream().map(root -> Values.root(Values.key(root.getKey()), root)).toList();
  }

  private static Record sharing(Record record) {
    if (!record.canShareAnEntry()) {
      throw newer("in an entry with others that");
    }
    return record;
  }

  private static List<BlobKey> keys(List<ByteString> keys) {
    return keys.stream().map(Values::key).toList();
  }

  private static LarderException newer(String what) {
    return new LarderException(
        ErrorCode.STORE_UNUSABLE,
        "the coordinator's log holds a record "
            + what
            + " this Larder does not know; use a newer one");
  }
}
