package dev.larder.agent.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.dataset.Datasets.DatasetInfo;
import dev.larder.agent.dataset.Datasets.ListingProgress;
import dev.larder.agent.http.Json.Fields;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.PathPin;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;

/** Datasets, jobs and pins. Workers. */
final class ControlRoutes {
  private static final long PROGRESS_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final DoorServices services;

  ControlRoutes(DoorServices services) {
    this.services = services;
  }

  void datasets(Exchange exchange) {
    ObjectNode json = Json.object();
    ArrayNode all = json.putArray("datasets");
    services.datasets().list().forEach(info -> all.add(Views.dataset(info)));
    Dispatcher.answer(exchange, 200, json);
  }

  void dataset(Exchange exchange) {
    Dispatcher.answer(exchange, 200, Views.dataset(services.datasets().get(name(exchange))));
  }

  void createDataset(Exchange exchange) {
    Fields fields = Json.parse(exchange.body(), Set.of("name", "uri", "options"));
    DatasetName name = new DatasetName(fields.text("name"));
    String uri = fields.text("uri");
    OriginOptions options = new OriginOptions(fields.texts("options"));
    listing(exchange, progress -> services.datasets().create(name, uri, options, progress));
  }

  void refreshDataset(Exchange exchange) {
    Json.parse(exchange.body().length == 0 ? new byte[] {'{', '}'} : exchange.body(), Set.of());
    DatasetName name = name(exchange);
    listing(exchange, progress -> services.datasets().refresh(name, progress));
  }

  void deleteDataset(Exchange exchange) {
    services.datasets().delete(name(exchange));
    exchange.answer(new ResponseHead(204), null);
  }

  void deleteSnapshot(Exchange exchange) {
    String text = exchange.request().component(4);
    SnapshotRef snapshot = SnapshotRef.parse(name(exchange) + "@" + text);
    services.datasets().deleteSnapshot(snapshot);
    deleted(exchange, List.of(snapshot.snapshot().orElseThrow()));
  }

  void keepLast(Exchange exchange) {
    String text = exchange.request().query("keep-last", "");
    int count;
    try {
      count = Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new LarderException(
          ErrorCode.BAD_REQUEST, "query parameter \"keep-last\" must be a number from 1 on", e);
    }
    deleted(exchange, services.datasets().keepLast(name(exchange), count));
  }

  private static void deleted(Exchange exchange, List<Long> numbers) {
    ObjectNode json = Json.object();
    numbers.forEach(json.putArray("deleted")::add);
    Dispatcher.answer(exchange, 200, json);
  }

  void warm(Exchange exchange) {
    Fields fields = Json.parse(exchange.body(), Set.of("snapshot", "glob"));
    SnapshotRef snapshot = SnapshotRef.parse(fields.text("snapshot"));
    Dispatcher.answer(
        exchange, 202, Views.job(services.jobs().warm(snapshot, fields.text("glob", ""))));
  }

  void jobs(Exchange exchange) {
    ObjectNode json = Json.object();
    ArrayNode all = json.putArray("jobs");
    services.jobs().list().forEach(job -> all.add(Views.job(job)));
    Dispatcher.answer(exchange, 200, json);
  }

  void job(Exchange exchange) {
    String id = exchange.request().component(2);
    Dispatcher.answer(
        exchange, 200, Views.job(services.jobs().find(id).orElseThrow(() -> unknownJob(id))));
  }

  void cancelJob(Exchange exchange) {
    String id = exchange.request().component(2);
    if (services.jobs().find(id).isEmpty()) {
      throw unknownJob(id);
    }
    Dispatcher.answer(exchange, 200, Views.job(services.jobs().cancel(id)));
  }

  void pins(Exchange exchange) {
    ObjectNode json = Json.object();
    ArrayNode all = json.putArray("pins");
    services.jobs().pins().forEach(pin -> all.add(Views.pin(pin)));
    json.put("complete", addOthers(all));
    Dispatcher.answer(exchange, 200, json);
  }

  /** Adds what other nodes own, as the coordinator says; false where it cannot be asked. */
  private boolean addOthers(ArrayNode all) {
    Set<String> shown = new HashSet<>();
    all.forEach(pin -> shown.add(placeOf(pin)));
    try {
      services.coordinator().pins().stream()
          .map(Views::pin)
          .filter(pin -> shown.add(placeOf(pin)))
          .forEach(all::add);
      return true;
    } catch (LarderException e) {
      if (e.code() != ErrorCode.COORDINATOR_UNAVAILABLE && e.code() != ErrorCode.DEADLINE) {
        throw e;
      }
      return false;
    }
  }

  private static String placeOf(JsonNode pin) {
    return pin.path("owner").asText()
        + '\n'
        + pin.path("snapshot").asText()
        + '\n'
        + pin.path("glob").asText();
  }

  void pin(Exchange exchange) {
    Fields fields = Json.parse(exchange.body(), Set.of("snapshot", "glob", "ttlMillis"));
    SnapshotRef snapshot = SnapshotRef.parse(fields.text("snapshot"));
    Dispatcher.answer(
        exchange,
        200,
        Views.pin(
            services.jobs().pin(snapshot, fields.text("glob", ""), fields.millis("ttlMillis"))));
  }

  void unpin(Exchange exchange) {
    String snapshot = exchange.request().query("snapshot", "");
    String owner = exchange.request().query("owner", "");
    if (!owner.isEmpty()) {
      int removed = unpinOf(owner, snapshot, exchange.request().query("glob", ""));
      Dispatcher.answer(exchange, 200, Json.object().put("removed", removed));
      return;
    }
    if (snapshot.isEmpty()) {
      throw new LarderException(ErrorCode.BAD_REQUEST, "query parameter \"snapshot\" is missing");
    }
    int removed =
        services.jobs().unpin(SnapshotRef.parse(snapshot), exchange.request().query("glob", ""));
    Dispatcher.answer(exchange, 200, Json.object().put("removed", removed));
  }

  /** Pins of a node that is gone for good; one that is there would tell of them again. */
  private int unpinOf(String owner, String snapshot, String glob) {
    if (services.coordinator().members().members().stream()
        .anyMatch(member -> member.id().equals(owner))) {
      throw new LarderException(
          ErrorCode.BAD_REQUEST,
          "node " + owner + " is a member of the cluster: take its pins away on that node");
    }
    Optional<SnapshotRef> named =
        snapshot.isEmpty() ? Optional.empty() : Optional.of(SnapshotRef.parse(snapshot));
    int removed = 0;
    for (PathPin each : services.coordinator().pins()) {
      NewPin pin = each.pin();
      boolean isMeant =
          pin.owner().equals(owner)
              && named
                  .map(ref ->
                      ref.dataset().equals(pin.dataset())
                          && ref.snapshot().orElse(0) == pin.snapshot()
                          && glob.equals(pin.glob()))
                  .orElse(true);
      boolean isGone =
          isMeant
              && services
                  .coordinator()
                  .unpin(pin.dataset(), pin.snapshot(), pin.glob(), pin.owner());
      removed += isGone ? 1 : 0;
    }
    return removed;
  }

  /**
   * Streams the progress of a listing and then its result. A fault after the first line is a line
   * too; a client that leaves ends the listing at its next progress.
   */
  private void listing(Exchange exchange, Function<Consumer<ListingProgress>, DatasetInfo> work) {
    ResponseHead head = new ResponseHead(200).add("Content-Type", ContentTypes.NDJSON);
    BodyWriter body = new BodyWriter(exchange, head);
    ObjectNode last = Json.object();
    try {
      last.set("dataset", Views.dataset(work.apply(new Progress(exchange, body))));
    } catch (LarderException e) {
      if (!body.isStarted() || exchange.isOver()) {
        throw e;
      }
      last.set("problem", Problem.json(Fault.of(e)));
    }
    line(body, last);
    body.close();
  }

  /** About a line a second. */
  private static final class Progress implements Consumer<ListingProgress> {
    private final Exchange exchange;
    private final BodyWriter body;
    private long nextNanos = System.nanoTime() + PROGRESS_NANOS;

    Progress(Exchange exchange, BodyWriter body) {
      this.exchange = exchange;
      this.body = body;
    }

    @Override
    public void accept(ListingProgress progress) {
      exchange.checkWanted();
      long now = System.nanoTime();
      if (now - nextNanos >= 0) {
        nextNanos = now + PROGRESS_NANOS;
        line(body, Views.progress(progress));
        body.flush();
      }
    }
  }

  private static void line(BodyWriter body, ObjectNode json) {
    body.write(Json.bytes(json));
    body.write('\n');
  }

  private static DatasetName name(Exchange exchange) {
    return new DatasetName(exchange.request().component(2));
  }

  private static LarderException unknownJob(String id) {
    return new LarderException(
        ErrorCode.NO_SUCH_PATH, "no job \"" + RequestTarget.shown(id) + "\"");
  }
}
