package dev.larder.coordinator.api;

import com.google.protobuf.ByteString;
import dev.larder.coordinator.api.v1.BlobRoot;
import dev.larder.coordinator.api.v1.Dataset;
import dev.larder.coordinator.api.v1.GetStatusResponse;
import dev.larder.coordinator.api.v1.ListCoordinatorsResponse;
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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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
        .setState(write(member.state()))
        .setWeight(member.weight())
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
        Instant.ofEpochMilli(member.getLastSeenMs()),
        read(member.getState()),
        member.getWeight());
  }

  /** A change of the list to the wire. */
  public static dev.larder.coordinator.api.v1.MemberChange write(MemberChange change) {
    return dev.larder.coordinator.api.v1.MemberChange.newBuilder()
        .setFromEpoch(change.fromEpoch())
        .setEpoch(change.epoch())
        .addAllPut(change.put().stream().map(Protos::write).toList())
        .addAllRemoved(change.removed())
        .build();
  }

  /** A change of the list from the wire. */
  public static MemberChange read(dev.larder.coordinator.api.v1.MemberChange change) {
    return new MemberChange(
        change.getFromEpoch(),
        change.getEpoch(),
        change.getPutList().stream().map(Protos::read).toList(),
        change.getRemovedList());
  }

  /** Coordinators to the wire. */
  public static ListCoordinatorsResponse write(List<CoordinatorPeer> peers) {
    ListCoordinatorsResponse.Builder out = ListCoordinatorsResponse.newBuilder();
    for (CoordinatorPeer peer : peers) {
      out.addCoordinators(
          dev.larder.coordinator.api.v1.CoordinatorPeer.newBuilder()
              .setId(peer.id())
              .setRaftAddress(peer.raftAddress())
              .setAddress(peer.address())
              .setLeader(peer.leader())
              .setSilentMs(peer.silentMillis())
              .setLastIndex(peer.lastIndex()));
    }
    return out.build();
  }

  /** Coordinators from the wire. */
  public static List<CoordinatorPeer> read(ListCoordinatorsResponse peers) {
    return peers.getCoordinatorsList().stream()
        .map(peer ->
            new CoordinatorPeer(
                peer.getId(),
                peer.getRaftAddress(),
                peer.getAddress(),
                peer.getLeader(),
                peer.getSilentMs(),
                peer.getLastIndex()))
        .toList();
  }

  /** A member list to the wire. */
  public static ListMembersResponse write(MemberList list) {
    return ListMembersResponse.newBuilder()
        .setEpoch(list.epoch())
        .addAllMembers(list.members().stream().map(member -> write(list, member)).toList())
        .build();
  }

  /** A member list from the wire. */
  public static MemberList read(ListMembersResponse list) {
    Map<String, HandOver> handOvers = new HashMap<>();
    Map<String, Long> usedBytes = new HashMap<>();
    for (Member member : list.getMembersList()) {
      if (member.hasHandOver()) {
        handOvers.put(member.getId(), WorkProtos.read(member.getHandOver()));
      }
      if (member.hasUsedBytes()) {
        usedBytes.put(member.getId(), member.getUsedBytes());
      }
    }
    return new MemberList(
        list.getEpoch(),
        list.getMembersList().stream().map(Protos::read).toList(),
        handOvers,
        usedBytes);
  }

  private static Member write(MemberList list, MemberInfo member) {
    Member.Builder out = write(member).toBuilder();
    HandOver handOver = list.handOvers().get(member.id());
    Long usedBytes = list.usedBytes().get(member.id());
    if (usedBytes != null) {
      out.setUsedBytes(usedBytes);
    }
    return handOver == null ? out.build() : out.setHandOver(WorkProtos.write(handOver)).build();
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
        .setRevision(list.revision())
        .build();
  }

  /** Datasets from the wire. */
  public static DatasetList read(ListDatasetsResponse list) {
    return new DatasetList(
        list.getDatasetsList().stream().map(Protos::read).toList(),
        list.getDeletedList().stream().map(DatasetName::new).collect(Collectors.toSet()),
        list.getRevision());
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
        .setReadAgainFor(root.readAgainFor())
        .build();
  }

  /** A root from the wire. */
  public static RecordedRoot read(BlobRoot root) {
    return new RecordedRoot(
        BlobKey.parse(root.getKey()),
        root.getSizeBytes(),
        digest(root.getRoot(), "root"),
        read(root.getTrust()),
        root.getMemberId(),
        root.getReadAgainFor());
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
        .setOwner(pin.owner())
        .setFiles(pin.files())
        .setBytes(pin.bytes())
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
                : Optional.of(Instant.ofEpochMilli(pin.getExpiresAtMs())),
            pin.getOwner(),
            pin.getFiles(),
            pin.getBytes()),
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
        .setDisputesOpen(status.disputes().open())
        .setDisputesSettled(status.disputes().settled())
        .addAllFull(status.full())
        .setAnsweringId(status.group().answeringId())
        .setCoordinators(status.group().size())
        .setAnswering(status.group().answering())
        .setMajority(status.group().hasMajority())
        .addAllSilent(status.group().silent())
        .setUsedBytes(status.used().bytes())
        .setUsedMembers(status.used().members())
        .setClockOffSeconds(status.health().clockOffSeconds())
        .setSnapshotsSetAside(status.health().snapshotsSetAside())
        .putAllRefused(status.health().refused())
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
        status.getPlacements(),
        new CoordinatorStatus.Disputes(status.getDisputesOpen(), status.getDisputesSettled()),
        status.getFullList(),
        new CoordinatorStatus.Group(
            status.getAnsweringId(),
            status.getCoordinators(),
            status.getAnswering(),
            status.getMajority(),
            status.getSilentList()),
        new CoordinatorStatus.Used(status.getUsedBytes(), status.getUsedMembers()),
        new CoordinatorStatus.Health(
            status.getClockOffSeconds(), status.getSnapshotsSetAside(), status.getRefusedMap()));
  }

  /** Keys to the wire. */
  public static List<String> writeKeys(Collection<BlobKey> keys) {
    return keys.stream().map(BlobKey::toString).toList();
  }

  /** Keys from the wire. */
  public static List<BlobKey> readKeys(List<String> keys) {
    return keys.stream().map(BlobKey::parse).toList();
  }

  private static dev.larder.coordinator.api.v1.MemberState write(MemberState state) {
    return switch (state) {
      case JOINING -> dev.larder.coordinator.api.v1.MemberState.MEMBER_STATE_JOINING;
      case ACTIVE -> dev.larder.coordinator.api.v1.MemberState.MEMBER_STATE_ACTIVE;
      case DRAINING -> dev.larder.coordinator.api.v1.MemberState.MEMBER_STATE_DRAINING;
    };
  }

  /** What an older side does not say, or a newer one says beyond this, tracks nothing. */
  private static MemberState read(dev.larder.coordinator.api.v1.MemberState state) {
    return switch (state) {
      case MEMBER_STATE_ACTIVE -> MemberState.ACTIVE;
      case MEMBER_STATE_DRAINING -> MemberState.DRAINING;
      case MEMBER_STATE_JOINING, MEMBER_STATE_UNSPECIFIED, UNRECOGNIZED -> MemberState.JOINING;
    };
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
