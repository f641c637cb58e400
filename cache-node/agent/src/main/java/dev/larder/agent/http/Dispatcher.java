package dev.larder.agent.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.util.List;
import java.util.Objects;

/** Brings each request to who answers it, on the event loop or on a worker. */
final class Dispatcher {
  private final DoorServices services;
  private final FileRoutes files;
  private final PathRoutes paths;
  private final ControlRoutes control;
  private final MountRoutes mounts;
  private final FleetRoutes fleet;
  private final WarmUpRoutes warmUps;
  private final StatusRoutes status;

  Dispatcher(DoorServices services, StatusRoutes status) {
    this.services = services;
    this.files = new FileRoutes(services);
    this.paths = new PathRoutes(services, files);
    this.control = new ControlRoutes(services);
    this.mounts = new MountRoutes(services.mounts());
    this.fleet = new FleetRoutes(services.coordinator(), services.node());
    this.warmUps = new WarmUpRoutes(services);
    this.status = status;
  }

  /** What a worker does for a request. */
  private interface Work {
    void run(Exchange exchange) throws IOException;
  }

  /** Event loop. Faults are answered, never thrown. */
  void dispatch(Exchange exchange) {
    try {
      Route route = Objects.requireNonNull(exchange.request().route());
      switch (route) {
        case HEALTHZ -> answer(exchange, 200, Json.object().put("healthy", true));
        case READYZ -> ready(exchange);
        case BLOB -> {
          if (!files.tryNow(exchange)) {
            begin(exchange, files::blob);
          }
        }
        case DATASET_PATH -> path(exchange);
        case METRICS -> begin(exchange, status::metrics);
        case STATUS -> begin(exchange, status::status);
        case NODES -> begin(exchange, fleet::nodes);
        case NODE_DRAIN -> begin(exchange, fleet::drain);
        case NODE_REMOVE -> begin(exchange, fleet::remove);
        case COORDINATORS -> begin(exchange, fleet::coordinators);
        case COORDINATOR_REPLACE -> begin(exchange, fleet::replace);
        case BLOB_DIGESTS -> begin(exchange, status::digests);
        case DATASET_CREATE -> stream(exchange, control::createDataset);
        case DATASET_REFRESH -> stream(exchange, control::refreshDataset);
        case DATASETS -> begin(exchange, control::datasets);
        case DATASET -> begin(exchange, control::dataset);
        case DATASET_DELETE -> begin(exchange, control::deleteDataset);
        case DATASET_SNAPSHOTS_DELETE -> begin(exchange, control::keepLast);
        case DATASET_SNAPSHOT_DELETE -> begin(exchange, control::deleteSnapshot);
        case WARM -> begin(exchange, control::warm);
        case JOBS -> begin(exchange, control::jobs);
        case JOB -> begin(exchange, control::job);
        case JOB_CANCEL -> begin(exchange, control::cancelJob);
        case WARM_UPS -> begin(exchange, warmUps::list);
        case WARM_UP_START -> begin(exchange, warmUps::start);
        case WARM_UP -> begin(exchange, warmUps::one);
        case WARM_UP_CANCEL -> begin(exchange, warmUps::cancel);
        case PINS -> begin(exchange, control::pins);
        case MOUNTS -> begin(exchange, mounts::list);
        case MOUNT -> begin(exchange, mounts::mount);
        case UNMOUNT -> begin(exchange, mounts::unmount);
        case PACK -> begin(exchange, mounts::pack);
        case PIN -> begin(exchange, control::pin);
        case UNPIN -> begin(exchange, control::unpin);
      }
    } catch (RuntimeException e) {
      exchange.fail(e);
    }
  }

  /** Answers with a JSON object. */
  static void answer(Exchange exchange, int status, ObjectNode json) {
    byte[] bytes = Json.bytes(json);
    ResponseHead head =
        new ResponseHead(status).add("Content-Type", ContentTypes.JSON).contentLength(bytes.length);
    exchange.answer(head, exchange.request().isHead() ? null : Unpooled.wrappedBuffer(bytes));
  }

  private void path(Exchange exchange) {
    if (PathRoutes.isRecursive(exchange.request())) {
      stream(exchange, paths::walk);
    } else if (!files.tryNow(exchange)) {
      begin(exchange, paths::path);
    }
  }

  private void ready(Exchange exchange) {
    List<String> reasons = services.node().notReady();
    ObjectNode json = Json.object().put("ready", reasons.isEmpty());
    reasons.forEach(json.putArray("reasons")::add);
    answer(exchange, reasons.isEmpty() ? 200 : 503, json);
  }

  private void begin(Exchange exchange, Work work) {
    try {
      exchange.door().workers().begin(() -> guarded(exchange, work));
    } catch (LarderException e) {
      turnAway(exchange, e, "workers");
    }
  }

  private void stream(Exchange exchange, Work work) {
    try {
      exchange.door().workers().stream(() -> guarded(exchange, work));
    } catch (LarderException e) {
      turnAway(exchange, e, "streams");
    }
  }

  private static void turnAway(Exchange exchange, LarderException e, String bound) {
    if (e.code() == ErrorCode.TOO_MANY) {
      exchange.door().metrics().httpRejected(bound);
    }
    exchange.fail(e);
  }

  private static void guarded(Exchange exchange, Work work) {
    if (exchange.isOver()) {
      return;
    }
    try {
      work.run(exchange);
    } catch (RuntimeException | IOException e) {
      exchange.fail(e);
    } catch (Error e) {
      exchange.fail(e);
      throw e;
    }
  }
}
