package dev.larder.coordinator.logic;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Parser;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberState;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.NewSnapshot;
import dev.larder.coordinator.api.PathPin;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.SnapshotDefinition;
import dev.larder.coordinator.logic.v1.MemberValue;
import dev.larder.coordinator.logic.v1.Pair;
import dev.larder.coordinator.logic.v1.PinValue;
import dev.larder.coordinator.logic.v1.RootValue;
import dev.larder.coordinator.logic.v1.SnapshotValue;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Values to and from the messages that stand in the log and in the state. */
final class Values {
  private Values() {}

  static <T> T parse(Parser<T> parser, byte[] bytes) {
    try {
      return parser.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw new LarderException(
          ErrorCode.STORE_CORRUPT, "a row of the coordinator's state cannot be read", e);
    }
  }

  static List<Pair> pairs(Map<String, String> map) {
    return new TreeMap<>(map)
        .entrySet().stream()
            .map(e -> Pair.newBuilder().setName(e.getKey()).setValue(e.getValue()).build())
            .toList();
  }

  static Map<String, String> map(List<Pair> pairs) {
    Map<String, String> map = new LinkedHashMap<>();
    pairs.forEach(pair -> map.put(pair.getName(), pair.getValue()));
    return map;
  }

  static ByteString bytes(BlobKey key) {
    return ByteString.copyFrom(key.binary());
  }

  static BlobKey key(ByteString bytes) {
    return BlobKey.ofBinary(bytes.toByteArray());
  }

  static ByteString bytes(Digest digest) {
    return ByteString.copyFrom(digest.bytes());
  }

  static MemberValue of(MemberInfo member) {
    return MemberValue.newBuilder()
        .setId(member.id())
        .setAddress(member.address())
        .setZone(member.zone())
        .addAllLabels(pairs(member.labels()))
        .setCapacityBytes(member.capacityBytes())
        .setJoinedAtMs(member.joinedAt().toEpochMilli())
        .build();
  }

  static MemberInfo member(MemberValue value) {
    return new MemberInfo(
        value.getId(),
        value.getAddress(),
        value.getZone(),
        map(value.getLabelsList()),
        value.getCapacityBytes(),
        Instant.ofEpochMilli(value.getJoinedAtMs()),
        Instant.EPOCH,
        value.getDraining()
            ? MemberState.DRAINING
            : value.getWeight() > 0 ? MemberState.ACTIVE : MemberState.JOINING,
        value.getWeight());
  }

  static SnapshotValue of(long number, NewSnapshot snapshot) {
    return SnapshotValue.newBuilder()
        .setNumber(number)
        .setCatalogKey(bytes(snapshot.catalogKey()))
        .setCatalogRoot(bytes(snapshot.catalogRoot()))
        .setCatalogSizeBytes(snapshot.catalogSizeBytes())
        .setFiles(snapshot.files())
        .setBytes(snapshot.bytes())
        .setSkipped(snapshot.skipped())
        .setRootUri(snapshot.rootUri())
        .setOwnUris(snapshot.hasOwnUris())
        .setListedFromMs(snapshot.listedFrom().toEpochMilli())
        .setListedToMs(snapshot.listedTo().toEpochMilli())
        .build();
  }

  static SnapshotDefinition snapshot(SnapshotValue value) {
    return new SnapshotDefinition(
        value.getNumber(),
        new NewSnapshot(
            key(value.getCatalogKey()),
            Digest.of(value.getCatalogRoot().toByteArray()),
            value.getCatalogSizeBytes(),
            value.getFiles(),
            value.getBytes(),
            value.getSkipped(),
            value.getRootUri(),
            value.getOwnUris(),
            Instant.ofEpochMilli(value.getListedFromMs()),
            Instant.ofEpochMilli(value.getListedToMs())));
  }

  /** Without the key, which the row's own key says. */
  static RootValue.Builder of(RecordedRoot root) {
    return RootValue.newBuilder()
        .setSizeBytes(root.sizeBytes())
        .setRoot(bytes(root.root()))
        .setTrust(root.trust().code())
        .setMemberId(root.memberId())
        .setReadAgainFor(root.readAgainFor());
  }

  static RecordedRoot root(BlobKey key, RootValue value) {
    return new RecordedRoot(
        key,
        value.getSizeBytes(),
        Digest.of(value.getRoot().toByteArray()),
        Trust.ofCode((byte) value.getTrust()),
        value.getMemberId(),
        value.getReadAgainFor());
  }

  static PinValue of(String id, NewPin pin, Instant createdAt) {
    return PinValue.newBuilder()
        .setId(id)
        .setDataset(pin.dataset().text())
        .setSnapshot(pin.snapshot())
        .setGlob(pin.glob())
        .setExpiresAtMs(pin.expiresAt().map(Instant::toEpochMilli).orElse(0L))
        .setCreatedAtMs(createdAt.toEpochMilli())
        .setOwner(pin.owner())
        .setFiles(pin.files())
        .setBytes(pin.bytes())
        .build();
  }

  static PathPin pin(PinValue value) {
    return new PathPin(
        value.getId(),
        new NewPin(
            new DatasetName(value.getDataset()),
            value.getSnapshot(),
            value.getGlob(),
            value.getExpiresAtMs() == 0
                ? Optional.empty()
                : Optional.of(Instant.ofEpochMilli(value.getExpiresAtMs())),
            value.getOwner(),
            value.getFiles(),
            value.getBytes()),
        Instant.ofEpochMilli(value.getCreatedAtMs()));
  }
}
