package dev.larder.coordinator.api;

import com.google.protobuf.ByteString;
import dev.larder.coordinator.api.v1.BlobRoot;
import dev.larder.coordinator.api.v1.Dataset;
import dev.larder.coordinator.api.v1.GetStatusResponse;
import dev.larder.coordinator.api.v1.ListDatasetsResponse;
import dev.larder.coordinator.api.v1.ListMembersResponse;
import dev.larder.coordinator.api.v1.Member;
import dev.larder.coordinator.api.v1.PinRecord;
import dev.larder.coordinator.api.v1.RootTrust;
import dev.larder.coordinator.api.v1.Snapshot;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Values to and from the wire. Reading checks: a malformed field is BAD_NAME, BAD_KEY or
 * BAD_REQUEST naming it. Times are cut to milliseconds.
 */
public final class Protos {
  private Protos() {}

  /** A member to the wire. */
  public static Member write(MemberInfo member) {
    return Member.newBuilder()
        .setId(member.id())
        .setAddress(member.address())
        .setZone(member.zone())
        .putAllLabels(member.labels())
        .setCapacityBytes(member.capacityBytes())
        .setJoinedAtMs(member.joinedAt().toEpochMilli())
        .setLastSeenMs(member.lastSeen().toEpochMilli())
        .build();
  }

  /** A member from the wire. */
  public static MemberInfo read(Member member) {
    return new MemberInfo(
        member.getId(),
        member.getAddress(),
        member.getZone(),
        member.getLabelsMap(),
        member.getCapacityBytes(),
        Instant.ofEpochMilli(member.getJoinedAtMs()),
        Instant.ofEpochMilli(member.getLastSeenMs()));
  }

  /** A member list to the wire. */
  public static ListMembersResponse write(MemberList list) {
    return ListMembersResponse.newBuilder()
        .setEpoch(list.epoch())
        .addAllMembers(list.members().stream().map(Protos::write).toList())
        .build();
  }

  /** A member list from the wire. */
  public static MemberList read(ListMembersResponse list) {
    return new MemberList(
        list.getEpoch(), list.getMembersList().stream().map(Protos::read).toList());
  }

  /** A dataset to the wire. */
  public static Dataset write(DatasetDefinition dataset) {
    return Dataset.newBuilder()
        .setName(dataset.name().text())
        .setOriginUri(dataset.originUri())
        .putAllOriginOptions(dataset.originOptions())
        .setCreatedAtMs(dataset.createdAt().toEpochMilli())
        .addAllSnapshots(dataset.snapshots().stream().map(Protos::write).toList())
        .setLastSnapshot(dataset.lastSnapshot())
        .build();
  }

  /** A dataset from the wire. */
  public static DatasetDefinition read(Dataset dataset) {
    return new DatasetDefinition(
        new DatasetName(dataset.getName()),
        dataset.getOriginUri(),
        dataset.getOriginOptionsMap(),
        Instant.ofEpochMilli(dataset.getCreatedAtMs()),
        dataset.getSnapshotsList().stream().map(Protos::read).toList(),
        dataset.getLastSnapshot());
  }

  /** Datasets to the wire. */
  public static ListDatasetsResponse write(DatasetList list) {
    return ListDatasetsResponse.newBuilder()
        .addAllDatasets(list.datasets().stream().map(Protos::write).toList())
        .addAllDeleted(list.deleted().stream().map(DatasetName::text).sorted().toList())
        .build();
  }

  /** Datasets from the wire. */
  public static DatasetList read(ListDatasetsResponse list) {
    return new DatasetList(
        list.getDatasetsList().stream().map(Protos::read).toList(),
        list.getDeletedList().stream().map(DatasetName::new).collect(Collectors.toSet()));
  }

  /** A snapshot to the wire. */
  public static Snapshot write(SnapshotDefinition snapshot) {
    return write(snapshot.content()).toBuilder().setNumber(snapshot.number()).build();
  }

  /** A snapshot without its number to the wire. */
  public static Snapshot write(NewSnapshot snapshot) {
    return Snapshot.newBuilder()
        .setCatalogKey(snapshot.catalogKey().toString())
        .setCatalogRoot(ByteString.copyFrom(snapshot.catalogRoot().bytes()))
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

  /** A snapshot from the wire. */
  public static SnapshotDefinition read(Snapshot snapshot) {
    return new SnapshotDefinition(
        snapshot.getNumber(),
        new NewSnapshot(
            BlobKey.parse(snapshot.getCatalogKey()),
            digest(snapshot.getCatalogRoot(), "catalog_root"),
            snapshot.getCatalogSizeBytes(),
            snapshot.getFiles(),
            snapshot.getBytes(),
            snapshot.getSkipped(),
            snapshot.getRootUri(),
            snapshot.getOwnUris(),
            Instant.ofEpochMilli(snapshot.getListedFromMs()),
            Instant.ofEpochMilli(snapshot.getListedToMs())));
  }

  /** A root to the wire. */
  public static BlobRoot write(RecordedRoot root) {
    return BlobRoot.newBuilder()
        .setKey(root.key().toString())
        .setSizeBytes(root.sizeBytes())
        .setRoot(ByteString.copyFrom(root.root().bytes()))
        .setTrust(write(root.trust()))
        .setMemberId(root.memberId())
        .build();
  }

  /** A root from the wire. */
  public static RecordedRoot read(BlobRoot root) {
    return new RecordedRoot(
        BlobKey.parse(root.getKey()),
        root.getSizeBytes(),
        digest(root.getRoot(), "root"),
        read(root.getTrust()),
        root.getMemberId());
  }

  /** A pin to the wire. */
  public static PinRecord write(PathPin pin) {
    return write(pin.pin()).toBuilder()
        .setId(pin.id())
        .setCreatedAtMs(pin.createdAt().toEpochMilli())
        .build();
  }

  /** A wish for a pin to the wire. */
  public static PinRecord write(NewPin pin) {
    return PinRecord.newBuilder()
        .setDataset(pin.dataset().text())
        .setSnapshot(pin.snapshot())
        .setPathGlob(pin.glob())
        .setExpiresAtMs(pin.expiresAt().map(Instant::toEpochMilli).orElse(0L))
        .build();
  }

  /** A pin from the wire. */
  public static PathPin read(PinRecord pin) {
    return new PathPin(
        pin.getId(),
        new NewPin(
            new DatasetName(pin.getDataset()),
            pin.getSnapshot(),
            pin.getPathGlob(),
            pin.getExpiresAtMs() == 0
                ? Optional.empty()
                : Optional.of(Instant.ofEpochMilli(pin.getExpiresAtMs()))),
        Instant.ofEpochMilli(pin.getCreatedAtMs()));
  }

  /** A status to the wire. */
  public static GetStatusResponse write(CoordinatorStatus status) {
    return GetStatusResponse.newBuilder()
        .setLeaderId(status.leaderId())
        .setTerm(status.term())
        .setAppliedIndex(status.appliedIndex())
        .setEpoch(status.epoch())
        .setMembers(status.members())
        .setDatasets(status.datasets())
        .setSnapshots(status.snapshots())
        .setRoots(status.roots())
        .setPins(status.pins())
        .setPlacements(status.placements())
        .build();
  }

  /** A status from the wire. */
  public static CoordinatorStatus read(GetStatusResponse status) {
    return new CoordinatorStatus(
        status.getLeaderId(),
        status.getTerm(),
        status.getAppliedIndex(),
        status.getEpoch(),
        status.getMembers(),
        status.getDatasets(),
        status.getSnapshots(),
        status.getRoots(),
        status.getPins(),
        status.getPlacements());
  }

  /** Keys to the wire. */
  public static List<String> writeKeys(Collection<BlobKey> keys) {
    return keys.stream().map(BlobKey::toString).toList();
  }

  /** Keys from the wire. */
  public static List<BlobKey> readKeys(List<String> keys) {
    return keys.stream().map(BlobKey::parse).toList();
  }

  private static RootTrust write(Trust trust) {
    return switch (trust) {
      case VERIFIED -> RootTrust.ROOT_TRUST_VERIFIED;
      case ATTESTED -> RootTrust.ROOT_TRUST_ATTESTED;
    };
  }

  private static Trust read(RootTrust trust) {
    return switch (trust) {
      case ROOT_TRUST_VERIFIED -> Trust.VERIFIED;
      case ROOT_TRUST_ATTESTED -> Trust.ATTESTED;
      case ROOT_TRUST_UNSPECIFIED, UNRECOGNIZED ->
          throw new LarderException(
              ErrorCode.BAD_REQUEST, "trust is neither verified nor attested");
    };
  }

  private static Digest digest(ByteString bytes, String field) {
    if (bytes.size() != Digest.BYTES) {
      throw new LarderException(
          ErrorCode.BAD_KEY, field + " must have 32 bytes, got " + bytes.size());
    }
    return Digest.of(bytes.toByteArray());
  }
}
