package dev.larder.agent.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.dataset.Datasets.SnapshotInfo;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.metrics.MemoryPools;
import dev.larder.agent.read.BlobRead.Source;
import dev.larder.coordinator.api.Dispute;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberState;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore.BlobInfo;
import dev.larder.store.BlobStore.State;
import dev.larder.store.BlobStore.StripeDigests;
import dev.larder.store.StoreStats;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;

/** Status, metrics and digests. Workers. */
final class StatusRoutes {
  private static final int STRIPES_MAX = 64;
  private static final int DISPUTES_SHOWN = 10;
  private static final int MEMBERS_SHOWN = 16;

  private final DoorServices services;
  private final AtomicReference<String> address;

  /**
   * Answers from these services.
   *
   * @param address where the door listens, known once it is bound
   */
  StatusRoutes(DoorServices services, AtomicReference<String> address) {
    this.services = services;
    this.address = address;
  }

  void metrics(Exchange exchange) throws IOException {
    ResponseHead head = new ResponseHead(200).add("Content-Type", AgentMetrics.CONTENT_TYPE);
    BodyWriter body = new BodyWriter(exchange, head);
    services.metrics().write(body);
    body.close();
  }

  void status(Exchange exchange) {
    NodeState node = services.node();
    List<String> reasons = node.notReady();
    ObjectNode json =
        Json.object()
            .put("version", node.version())
            .put("pid", ProcessHandle.current().pid())
            .put("startedAt", node.startedAt().toString())
            .put("uptimeSeconds", node.uptime().toSeconds())
            .put("ready", reasons.isEmpty());
    reasons.forEach(json.putArray("reasons")::add);
    json.put("address", address.get()).put("dataDirectory", node.dataDirectory().toString());
    ObjectNode reads = json.putObject("reads");
    for (Source source : Source.values()) {
      AgentMetrics.Totals totals = services.metrics().totals(source);
      reads
          .putObject(source.name().toLowerCase(Locale.ROOT))
          .put("bytes", totals.bytes())
          .put("requests", totals.requests());
    }
    AgentMetrics.OriginTotals origin = services.metrics().originTotals();
    json.putObject("origin")
        .put("bytes", origin.bytes())
        .put("requests", origin.requests())
        .put("errors", origin.errors());
    peers(json.putObject("peers"), node.peers());
    StoreStats store = services.store().stats();
    ObjectNode cache = json.putObject("cache");
    cache(cache, store);
    cache.put("catalogBytes", catalogBytes());
    NodeState.CoordinatorState coordinator = node.coordinator();
    coordinator(json.putObject("coordinator"), coordinator, node);
    cluster(json.putObject("cluster"), coordinator, node.lastMembers().members());
    node.certificateEnd().ifPresent(end -> certificate(json.putObject("certificate"), end));
    disputes(json.putObject("disputes"), node.disputes());
    json.put("datasets", node.datasets()).put("jobs", node.jobs());
    memory(json.putObject("memory"), store);
    Dispatcher.answer(exchange, 200, json);
  }

  /** By the clock that the TLS of this process goes by. */
  private static void certificate(ObjectNode json, Instant end) {
    json.put("expiresAt", end.toString()).put("expired", Instant.now().isAfter(end));
  }

  private static void peers(ObjectNode json, NodeState.Peers peers) {
    json.put("bytes", peers.bytes())
        .put("farBytes", peers.farBytes())
        .put("keptBytes", peers.keptBytes())
        .put("wrongBlocks", peers.wrongBlocks())
        .put("left", peers.left().size());
    members(json.putArray("leftMembers"), peers.left());
    members(json.putArray("silentTrackers"), peers.silentTrackers());
  }

  /** The first of them by name: in a large cluster that loses its network they may be many. */
  private static void members(ArrayNode json, Map<String, String> reasons) {
    new TreeMap<>(reasons)
        .entrySet().stream()
            .limit(MEMBERS_SHOWN)
            .forEach(each ->
                json.addObject().put("member", each.getKey()).put("reason", each.getValue()));
  }

  private static void disputes(ObjectNode json, NodeState.Disputes disputes) {
    json.put("open", disputes.open().size())
        .put("settled", disputes.settled())
        .put("conflictsHere", disputes.conflicts())
        .put("lostHere", disputes.lost());
    ArrayNode blobs = json.putArray("blobs");
    for (Dispute dispute : disputes.open().stream().limit(DISPUTES_SHOWN).toList()) {
      ObjectNode blob =
          blobs
              .addObject()
              .put("key", dispute.key().toString())
              .put("since", dispute.openedAt().toString())
              .put("reader", dispute.reader());
      ArrayNode claims = blob.putArray("claims");
      for (RecordedRoot claim : dispute.claims()) {
        claims
            .addObject()
            .put("member", claim.memberId())
            .put("root", claim.root().hex())
            .put("readAgain", claim.readAgainFor() != 0);
      }
    }
  }

  /** The list this node has; what stores hold as their nodes told whoever leads. */
  private static void cluster(
      ObjectNode json, NodeState.CoordinatorState coordinator, List<MemberInfo> members) {
    json.put("members", coordinator.members()).put("epoch", coordinator.epoch());
    ObjectNode states = json.putObject("states");
    for (MemberState state : MemberState.values()) {
      states.put(
          state.name().toLowerCase(Locale.ROOT),
          members.stream().filter(member -> member.state() == state).count());
    }
    json.put("zones", members.stream().map(MemberInfo::zone).distinct().count())
        .put("capacityBytes", members.stream().mapToLong(MemberInfo::capacityBytes).sum())
        .put("usedBytes", coordinator.used().bytes())
        .put("usedMembers", coordinator.used().members());
  }

  private static void coordinator(
      ObjectNode json, NodeState.CoordinatorState coordinator, NodeState node) {
    json.put("state", state(coordinator))
        .put("term", coordinator.term())
        .put("appliedIndex", coordinator.appliedIndex())
        .put("leader", coordinator.leaderId())
        .put("coordinators", coordinator.coordinators())
        .put("majority", coordinator.majority())
        .put("problem", node.coordinatorProblem());
    ArrayNode silent = json.putArray("silent");
    coordinator.silent().forEach(silent::add);
    ArrayNode causes = json.putArray("causes");
    for (NodeState.CoordinatorCause each : node.coordinatorCauses()) {
      causes
          .addObject()
          .put("coordinator", each.coordinator())
          .put("cause", each.cause())
          .put("detail", each.detail());
    }
  }

  private static String state(NodeState.CoordinatorState coordinator) {
    if (!coordinator.available()) {
      return "unavailable";
    }
    return coordinator.majority() ? "ok" : "no-majority";
  }

  /** Block digests of up to 64 stripes. */
  void digests(Exchange exchange) {
    Request request = exchange.request();
    BlobKey key = BlobKey.parse(request.component(1));
    BlobInfo info =
        services
            .store()
            .find(key)
            .orElseThrow(
                () -> new LarderException(ErrorCode.UNKNOWN_BLOB, "blob " + key + " is not here"));
    int[] stripes = stripes(request.query("stripes", ""), Blocks.stripeCount(info.sizeBytes()));
    ObjectNode json =
        Json.object()
            .put("key", key.toString())
            .put("size", info.sizeBytes())
            .put("sealed", info.state() == State.SEALED);
    info.root().ifPresent(root -> json.put("root", root.hex()));
    info.trust().ifPresent(trust -> json.put("trust", trust.name().toLowerCase(Locale.ROOT)));
    ArrayNode out = json.putArray("stripes");
    for (int stripe = stripes[0]; stripe <= stripes[1]; stripe++) {
      ArrayNode blocks = out.addObject().put("stripe", stripe).putArray("blocks");
      for (Optional<Digest> digest : blocks(info, stripe)) {
        blocks.add(digest.map(Digest::hex).orElse(null));
      }
    }
    Dispatcher.answer(exchange, 200, json);
  }

  private List<Optional<Digest>> blocks(BlobInfo info, int stripe) {
    Optional<StripeDigests> known = services.store().digests(info.key(), stripe);
    if (known.isPresent()) {
      return known.get().blocks();
    }
    // A small blob has one block, whose digest is that of its content.
    Optional<ByteBuffer> small =
        Blocks.isSmall(info.sizeBytes())
            ? services.store().readSmall(info.key())
            : Optional.empty();
    return List.of(
        small.map(bytes -> {
          byte[] copy = new byte[bytes.remaining()];
          bytes.get(copy);
          return Digests.ofBytes(copy);
        }));
  }

  /** First and last stripe, both in; the last below the first for an empty blob. */
  private static int[] stripes(String text, int count) {
    if (text.isEmpty()) {
      return new int[] {0, Math.min(count, STRIPES_MAX) - 1};
    }
    int dash = text.indexOf('-');
    try {
      int first = Integer.parseInt(dash < 0 ? text : text.substring(0, dash));
      int last = dash < 0 ? first : Integer.parseInt(text.substring(dash + 1));
      if (first >= 0 && last >= first && last < count && last - first < STRIPES_MAX) {
        return new int[] {first, last};
      }
    } catch (NumberFormatException e) {
      throw badStripes(count, e);
    }
    throw badStripes(count, null);
  }

  private static LarderException badStripes(
      int count, @org.jspecify.annotations.Nullable Throwable cause) {
    return new LarderException(
        ErrorCode.BAD_REQUEST,
        "stripes must be first-last, at most " + STRIPES_MAX + ", of the blob's " + count,
        cause);
  }

  /** Catalogs are kept by themselves; {@code pinnedBytes} counts them too. */
  private long catalogBytes() {
    return services.datasets().list().stream()
        .flatMap(dataset -> dataset.snapshots().stream())
        .map(SnapshotInfo::catalog)
        .distinct()
        .flatMap(catalog -> services.store().find(catalog).stream())
        .filter(BlobInfo::pinned)
        .mapToLong(BlobInfo::sizeBytes)
        .sum();
  }

  private static void cache(ObjectNode json, StoreStats store) {
    Map<String, Long> counters = store.counters();
    json.put("usedBytes", store.usedBytes())
        .put("capacityBytes", store.capacityBytes())
        .put("pinnedBytes", store.pinnedBytes())
        .put("sealedBlobs", store.sealedBlobs())
        .put("fillingBlobs", store.fillingBlobs())
        .put("evictedBytes", counters.getOrDefault("evicted_bytes_total", 0L))
        .put("corruptBlocks", counters.getOrDefault("corrupt_blocks_total", 0L));
  }

  private static void memory(ObjectNode json, StoreStats store) {
    Map<String, Long> pools = MemoryPools.bytes();
    long rocks = 0;
    for (Map.Entry<String, Long> gauge : store.gauges().entrySet()) {
      String name = gauge.getKey();
      if (name.startsWith("rocksdb_")
          && name.endsWith("_bytes")
          && !name.endsWith("_capacity_bytes")) {
        rocks += gauge.getValue();
      }
    }
    json.put("heapUsedBytes", pools.getOrDefault("heap_used", 0L))
        .put("heapMaxBytes", pools.getOrDefault("heap_max", 0L))
        .put(
            "directBytes",
            pools.getOrDefault("netty_direct", 0L) + pools.getOrDefault("jvm_direct", 0L))
        .put("rocksdbBytes", rocks)
        .put("rssBytes", pools.getOrDefault("rss", 0L));
  }
}
