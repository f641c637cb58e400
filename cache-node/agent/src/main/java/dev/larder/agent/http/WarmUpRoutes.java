package dev.larder.agent.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.http.Json.Fields;
import dev.larder.coordinator.api.NewWarmUp;
import dev.larder.coordinator.api.WarmUpJob;
import dev.larder.coordinator.api.WarmUpOverview;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import java.time.Duration;
import java.util.Map;
import java.util.Set;

/** Warm-ups over nodes. Workers; each answer asks the coordinator. */
final class WarmUpRoutes {
  private final DoorServices services;

  WarmUpRoutes(DoorServices services) {
    this.services = services;
  }

  /** The snapshot is fixed here: a name means the newest one of this moment. */
  void start(Exchange exchange) {
    Fields fields = Json.parse(exchange.body(), Set.of("snapshot", "glob", "nodes", "ttlMillis"));
    SnapshotRef snapshot = SnapshotRef.parse(fields.text("snapshot"));
    Duration ttl = fields.millis("ttlMillis");
    WarmUpJob job =
        services
            .coordinator()
            .warmUp(
                new NewWarmUp(
                    snapshot.dataset(),
                    services.datasets().resolve(snapshot).number(),
                    fields.text("glob", ""),
                    fields.text("nodes"),
                    ttl,
                    !ttl.isZero(),
                    ""));
    Dispatcher.answer(exchange, 202, Views.warmUp(new WarmUpOverview(job, Map.of())));
  }

  void list(Exchange exchange) {
    ObjectNode json = Json.object();
    ArrayNode all = json.putArray("warmUps");
    services.coordinator().warmUps().forEach(each -> all.add(Views.warmUp(each)));
    Dispatcher.answer(exchange, 200, json);
  }

  void one(Exchange exchange) {
    String id = exchange.request().component(2);
    WarmUpOverview found =
        services.coordinator().warmUps().stream()
            .filter(each -> each.job().id().equals(id))
            .findFirst()
            .orElseThrow(() ->
                new LarderException(
                    ErrorCode.NO_SUCH_PATH, "no warm-up \"" + RequestTarget.shown(id) + "\""));
    Dispatcher.answer(exchange, 200, Views.warmUp(found));
  }

  void cancel(Exchange exchange) {
    WarmUpJob job = services.coordinator().cancelWarmUp(exchange.request().component(2));
    Dispatcher.answer(exchange, 200, Views.warmUp(new WarmUpOverview(job, Map.of())));
  }
}
