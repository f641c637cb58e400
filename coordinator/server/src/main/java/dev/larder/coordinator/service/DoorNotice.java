package dev.larder.coordinator.service;

import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.logic.Queries;
import dev.larder.coordinator.logic.Record;
import dev.larder.coordinator.raft.RaftNode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has the group know where this coordinator's door is, so that the others can send callers here
 * when it leads. Tries until the state says so, then knocks once: a wrong address is said early,
 * and the first caller after an election does not wait while this process learns to speak TLS.
 */
public final class DoorNotice implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DoorNotice.class);
  private static final long TRY_MILLIS = 500;
  private static final Duration WAIT = Duration.ofSeconds(5);
  private static final int KNOCKS = 3;

  private final RaftNode node;
  private final String address;
  private final TlsMaterial tls;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("coordinator-door").factory());

  private DoorNotice(RaftNode node, String address, TlsMaterial tls) {
    this.node = node;
    this.address = address;
    this.tls = tls;
  }

  /** Begins to tell; the node stays the caller's. */
  public static DoorNotice start(RaftNode node, String address, TlsMaterial tls) {
    DoorNotice notice = new DoorNotice(node, address, tls);
    notice.timer.scheduleWithFixedDelay(notice::tell, 0, TRY_MILLIS, TimeUnit.MILLISECONDS);
    return notice;
  }

  private void tell() {
    try {
      if (address.equals(node.readLocal(Queries::coordinators).get(node.id()))) {
        timer.shutdown();
        knock();
      } else if (node.isLeader()) {
        node.submit(new Record.PutCoordinator(node.id(), address), WAIT);
      } else if (!node.leaderId().isEmpty()) {
        node.submitAnywhere(new Record.PutCoordinator(node.id(), address));
      }
    } catch (IOException | LarderException e) {
      log.debug("the group does not know this door yet", e);
    } catch (RuntimeException e) {
      log.warn("telling the group of this door broke; trying again", e);
    }
  }

  private void knock() {
    CoordinatorClientConfig base = CoordinatorClientConfig.of(List.of(address));
    CoordinatorClientConfig once =
        new CoordinatorClientConfig(
            base.addresses(),
            WAIT,
            base.silenceMax(),
            1,
            base.backoffMin(),
            base.backoffMax(),
            base.batchMax());
    String why = "";
    // A cold process on a busy host may take longer than one wait for its first handshake.
    for (int knock = 0; knock < KNOCKS && !Thread.currentThread().isInterrupted(); knock++) {
      try (GrpcCoordinatorClient client = GrpcCoordinatorClient.connect(once, tls)) {
        client.status();
        return;
      } catch (LarderException e) {
        why = e.code() + " " + e.getMessage();
      }
    }
    if (!Thread.currentThread().isInterrupted()) {
      log.warn(
          "this coordinator's door is not reached at {} ({}): agents may not either; see"
              + " coordinator.advertise and the names in its certificate",
          address,
          why);
    }
  }

  /** Tells no more. */
  @Override
  public void close() {
    timer.shutdownNow();
  }
}
