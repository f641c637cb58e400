package dev.larder.coordinator.logic;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnsafeByteOperations;
import dev.larder.coordinator.api.Protos;
import dev.larder.coordinator.api.WorkProtos;
import dev.larder.coordinator.api.v1.Dataset;
import dev.larder.coordinator.api.v1.PinRecord;
import dev.larder.coordinator.api.v1.RecordRootsResponse;
import dev.larder.coordinator.api.v1.Snapshot;
import dev.larder.coordinator.api.v1.WarmUp;
import dev.larder.coordinator.logic.v1.OutcomeValue;
import dev.larder.coordinator.logic.v1.TogetherOutcome;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;

/** Outcomes as bytes, for the way back through Raft. Stored nowhere. Any thread. */
public final class OutcomeCodec {
  private OutcomeCodec() {}

  /** An outcome's bytes. */
  public static byte[] encode(Outcome outcome) {
    OutcomeValue.Builder out = OutcomeValue.newBuilder();
    switch (outcome) {
      case Outcome.Refused refused ->
          out.setRefusedCode(refused.code().name()).setRefusedMessage(refused.message());
      case Outcome.Epoch epoch -> out.setEpoch(epoch.epoch());
      case Outcome.Defined defined ->
          out.setDataset(Protos.write(defined.dataset()).toByteString());
      case Outcome.Added added -> out.setSnapshot(Protos.write(added.snapshot()).toByteString());
      case Outcome.Conflicts conflicts ->
          out.setConflicts(
              RecordRootsResponse.newBuilder()
                  .addAllConflicts(conflicts.standing().stream().map(Protos::write).toList())
                  .build()
                  .toByteString());
      case Outcome.Pinned pinned -> out.setPin(Protos.write(pinned.pin()).toByteString());
      case Outcome.WarmUp warmUp -> out.setWarmUp(WorkProtos.write(warmUp.job()).toByteString());
      case Outcome.Removed removed -> out.setRemoved(removed.count());
      case Outcome.Together together -> {
        TogetherOutcome.Builder body = TogetherOutcome.newBuilder();
        together
            .outcomes()
            .forEach(one -> body.addOutcomes(UnsafeByteOperations.unsafeWrap(encode(one))));
        out.setTogether(body);
      }
    }
    return out.build().toByteArray();
  }

  /** An outcome from bytes. */
  public static Outcome decode(byte[] bytes) {
    try {
      OutcomeValue value = OutcomeValue.parseFrom(bytes);
      if (!value.getRefusedCode().isEmpty()) {
        return new Outcome.Refused(
            ErrorCode.valueOf(value.getRefusedCode()), value.getRefusedMessage());
      }
      return switch (value.getBodyCase()) {
        case EPOCH -> new Outcome.Epoch(value.getEpoch());
        case DATASET -> new Outcome.Defined(Protos.read(Dataset.parseFrom(value.getDataset())));
        case SNAPSHOT -> new Outcome.Added(Protos.read(Snapshot.parseFrom(value.getSnapshot())));
        case CONFLICTS ->
            new Outcome.Conflicts(
                RecordRootsResponse.parseFrom(value.getConflicts()).getConflictsList().stream()
                    .map(Protos::read)
                    .toList());
        case PIN -> new Outcome.Pinned(Protos.read(PinRecord.parseFrom(value.getPin())));
        case WARM_UP -> new Outcome.WarmUp(WorkProtos.read(WarmUp.parseFrom(value.getWarmUp())));
        case REMOVED -> new Outcome.Removed(value.getRemoved());
        case TOGETHER ->
            new Outcome.Together(
                value.getTogether().getOutcomesList().stream()
                    .map(one -> decode(one.toByteArray()))
                    .toList());
        case BODY_NOT_SET ->
            throw new LarderException(ErrorCode.INTERNAL, "an outcome without a body");
      };
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      throw new LarderException(ErrorCode.INTERNAL, "an outcome cannot be read", e);
    }
  }
}
