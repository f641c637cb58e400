package dev.larder.agent.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.http.Json.Fields;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorPeer;
import dev.larder.coordinator.api.HandOver;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberList;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeMap;

/**
 * The nodes of the cluster and its coordinators. Workers; each answer asks the coordinator, and
 * where none can answer the members come from the last list, which is said.
 */
final class FleetRoutes {
  private final CoordinatorClient coordinator;
  private final NodeState node;

  FleetRoutes(CoordinatorClient coordinator, NodeState node) {
    this.coordinator = coordinator;
    this.node = node;
  }

  void nodes(Exchange exchange) {
    NodeState.CoordinatorState seen = node.coordinator();
    boolean isSilent = seen.coordinators() > 0 && !(seen.available() && seen.majority());
    MemberList list = node.lastMembers();
    boolean isStale = isSilent && !list.members().isEmpty();
    if (!isStale) {
      try {
        list = coordinator.members();
      } catch (LarderException e) {
        boolean isUnanswered =
            e.code() == ErrorCode.COORDINATOR_UNAVAILABLE || e.code() == ErrorCode.DEADLINE;
        if (!isUnanswered || list.members().isEmpty()) {
          throw e;
        }
        isStale = true;
      }
    }
    ObjectNode json = Json.object().put("epoch", list.epoch()).put("stale", isStale);
    ArrayNode all = json.putArray("nodes");
    for (MemberInfo member : list.members()) {
      ObjectNode one = node(member);
      one.put("usedBytes", list.usedBytes().get(member.id()));
      HandOver handOver = list.handOvers().get(member.id());
      if (handOver != null) {
        one.putObject("handOver")
            .put("done", handOver.isDone())
            .put("pins", handOver.pins())
            .put("pinsLeft", handOver.pinsLeft())
            .put("warmUps", handOver.warmUps())
            .put("warmUpsLeft", handOver.warmUpsLeft())
            .put("error", handOver.error().isEmpty() ? null : handOver.error());
      }
      all.add(one);
    }
    Dispatcher.answer(exchange, 200, json);
  }

  void drain(Exchange exchange) {
    byte[] body = exchange.body();
    Fields fields = Json.parse(body.length == 0 ? new byte[] {'{', '}'} : body, Set.of("undo"));
    boolean undo = fields.flag("undo");
    long epoch = coordinator.drain(exchange.request().component(2), undo);
    Dispatcher.answer(exchange, 200, Json.object().put("epoch", epoch));
  }

  void remove(Exchange exchange) {
    String id = exchange.request().component(2);
    if (coordinator.members().members().stream().noneMatch(member -> member.id().equals(id))) {
      throw new LarderException(ErrorCode.BAD_REQUEST, "there is no member \"" + id + "\"");
    }
    long epoch = coordinator.leave(id);
    Dispatcher.answer(exchange, 200, Json.object().put("epoch", epoch));
  }

  void coordinators(Exchange exchange) {
    answer(exchange, coordinator.coordinators());
  }

  void replace(Exchange exchange) {
    Fields fields = Json.parse(exchange.body(), Set.of("remove", "add", "address"));
    answer(
        exchange,
        coordinator.replaceCoordinator(
            fields.text("remove", ""), fields.text("add", ""), fields.text("address", "")));
  }

  private static void answer(Exchange exchange, List<CoordinatorPeer> peers) {
    ObjectNode json = Json.object();
    ArrayNode all = json.putArray("coordinators");
    for (CoordinatorPeer peer : peers) {
      ObjectNode one =
          all.addObject()
              .put("id", peer.id())
              .put("raftAddress", peer.raftAddress())
              .put("address", peer.address())
              .put("leader", peer.leader());
      one.put("silentMillis", peer.silentMillis() < 0 ? null : peer.silentMillis());
      one.put("lastIndex", peer.lastIndex() < 0 ? null : peer.lastIndex());
    }
    Dispatcher.answer(exchange, 200, json);
  }

  private static ObjectNode node(MemberInfo member) {
    ObjectNode json =
        Json.object()
            .put("id", member.id())
            .put("state", member.state().name().toLowerCase(Locale.ROOT))
            .put("address", member.address())
            .put("zone", member.zone())
            .put("weight", member.weight())
            .put("capacityBytes", member.capacityBytes())
            .put("joinedAt", member.joinedAt().toString())
            .put(
                "lastSeen",
                member.lastSeen().equals(Instant.EPOCH) ? null : member.lastSeen().toString());
    ObjectNode labels = json.putObject("labels");
    new TreeMap<>(member.labels()).forEach(labels::put);
    return json;
  }
}
