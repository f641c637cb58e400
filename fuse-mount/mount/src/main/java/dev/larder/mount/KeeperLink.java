package dev.larder.mount;

import dev.larder.fuse.Backings;
import dev.larder.fuse.FuseServer;
import dev.larder.fuse.FuseStats;
import dev.larder.fuse.SharedState;
import dev.larder.keeper.KeeperClient;
import dev.larder.keeper.KeeperClient.Attachment;
import dev.larder.keeper.wire.MountedView;
import dev.larder.linux.Fd;
import dev.larder.linux.FuseDevice;
import dev.larder.linux.LinuxException;
import dev.larder.linux.SharedMemory;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The agent's end of the keeper: serves the kernel's requests from the descriptor and memory the
 * keeper hands over, and finds another keeper when one dies.
 *
 * <p>Descriptor and memory stay with this process when the keeper ends, so requests are answered
 * meanwhile; the next keeper gets them back.
 *
 * <p><b>Threads:</b> any.
 */
final class KeeperLink implements Keeping, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(KeeperLink.class);
  private static final long RETRY_NANOS = Duration.ofMillis(50).toNanos();
  // A keeper that dies again and again must not be started in a loop that eats a processor.
  private static final Duration RESTART_PAUSE = Duration.ofSeconds(1);
  // A successor that took over, or systemd's next one, listens before that; this agent serves on.
  private static final Duration SUCCESSOR_WAIT = Duration.ofSeconds(1);

  private static final int SOON_SECONDS = 2;

  private final MountSettings settings;
  private final Path runDirectory;
  private final Path blobsDirectory;
  private final NodeBlobs blobs;
  private final KeeperStarter starter;
  private final Object change = new Object();

  private volatile @Nullable KeeperClient client;
  private volatile @Nullable Serving serving;
  private volatile boolean isClosed;
  private volatile String lastRefusal = "";
  private volatile long lostNanos = System.nanoTime() - RESTART_PAUSE.toNanos();

  /** What requests are served from; owned by this. */
  private record Serving(FuseDevice device, SharedMemory memory, FuseServer server) {
    void close() {
      // Descriptor and memory stay as they are: threads that read may be in the kernel until the
      // process ends.
      server.close();
    }
  }

  KeeperLink(
      MountSettings settings,
      Path runDirectory,
      Path blobsDirectory,
      NodeBlobs blobs,
      KeeperStarter starter) {
    this.settings = settings;
    this.runDirectory = runDirectory;
    this.blobsDirectory = blobsDirectory;
    this.blobs = blobs;
    this.starter = starter;
  }

  /** Serves what a keeper that runs already holds; starts none. */
  void connectIfThere() {
    if (Files.exists(runDirectory.resolve("keeper.sock"))) {
      tryAttach(false);
    }
  }

  /** Asks again where a keeper refused this agent, or could not be had. */
  void connectAgain() {
    if (!isServing()) {
      tryAttach(true);
    }
  }

  private void tryAttach(boolean mayStart) {
    try {
      attach(mayStart, SUCCESSOR_WAIT);
    } catch (LarderException e) {
      String why = String.valueOf(e.getMessage());
      // Asked again every few seconds, it goes on saying the same.
      if (!why.equals(lastRefusal)) {
        log.error("the keeper cannot be used code={}: {}", e.code(), why);
      }
      lastRefusal = why;
    }
  }

  /** Why there is no keeper, as it was found last. */
  String lastRefusal() {
    return lastRefusal.isEmpty()
        ? "none listens at " + runDirectory.resolve("keeper.sock")
        : lastRefusal;
  }

  /** Why there can be no kernel mounts here; empty when there can. */
  Optional<String> lack() {
    if (client != null) {
      return Optional.empty();
    }
    try {
      require();
      return Optional.empty();
    } catch (LarderException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  @Override
  public boolean isServing() {
    KeeperClient now = client;
    return now != null && !now.ended().isDone() && serving != null;
  }

  @Override
  public boolean isAnswering() {
    Serving now = serving;
    return client != null && now != null && !now.server().end().isDone();
  }

  @Override
  public void require() {
    if (!isServing()) {
      // Who served had a keeper, and another one is on its way.
      attach(true, serving == null ? Duration.ZERO : SUCCESSOR_WAIT);
    }
  }

  /**
   * Finds a keeper that takes this agent, and serves; without one and not to start one, nothing.
   *
   * @param patience how long to look for one before one is started
   */
  private void attach(boolean mayStart, Duration patience) {
    synchronized (change) {
      long began = System.nanoTime();
      long deadline = began + settings.mount().keeperWait().toNanos();
      boolean isStarted = false;
      boolean starts = mayStart && settings.mount().startsKeeper();
      String last = starts ? "no keeper runs" : "no keeper runs, and keeper.start is false";
      while (!isServing()) {
        if (isClosed) {
          throw new LarderException(ErrorCode.CLOSED, "the agent is shutting down");
        }
        Optional<KeeperClient> found = KeeperClient.connect(runDirectory);
        if (found.isPresent()) {
          last = greet(found.get());
        } else if (!isStarted) {
          if (!mayStart) {
            return;
          }
          if (starts && System.nanoTime() - began >= patience.toNanos()) {
            starter.start(runDirectory);
            isStarted = true;
          }
        }
        if (!isServing()) {
          if (System.nanoTime() - deadline > 0) {
            throw new LarderException(
                ErrorCode.UNSUPPORTED,
                "no keeper can be used (keeper.start-deadline): "
                    + last
                    + "; its words are in "
                    + runDirectory.resolve("keeper.log"));
          }
          LockSupport.parkNanos(RETRY_NANOS);
        }
      }
    }
  }

  /** Becomes the keeper's agent; says why not. */
  private String greet(KeeperClient found) {
    boolean isKept = false;
    try {
      String why =
          switch (found.attach()) {
            case Attachment.Attached(FuseDevice device, SharedMemory memory) -> {
              serve(device, memory);
              isKept = true;
              yield "";
            }
            case Attachment.RestoreWanted _ -> {
              isKept = restore(found);
              yield "a new keeper waits for what another agent holds";
            }
            case Attachment.Occupied(String who) -> "another agent is at work: " + who;
          };
      if (isKept) {
        client = found;
        // On a thread of its own: looking for another one takes as long as that takes.
        var unused =
            found
                .ended()
                .thenRun(() ->
                    Thread.ofPlatform().daemon().name("keeper-lost").start(() -> lost(found)));
      }
      return why;
    } finally {
      if (!isKept) {
        found.close();
      }
    }
  }

  private void serve(FuseDevice device, SharedMemory memory) {
    Serving before = serving;
    if (before != null) {
      before.close();
    }
    SharedState shared = SharedState.open(memory.memory());
    FuseServer server =
        new FuseServer(settings.fuse(), device.fd(), shared, blobs, new Asking(), this::onFatal);
    server.start();
    serving = new Serving(device, memory, server);
    var unused =
        server
            .end()
            .thenAccept(end -> {
              if (end != FuseServer.End.CLOSED) {
                log.error("the kernel's requests are no longer served: {}", end);
              }
            });
  }

  private boolean restore(KeeperClient found) {
    Serving now = serving;
    if (now == null) {
      return false;
    }
    found.restore(now.device(), now.memory());
    log.info("a new keeper has the mounts again");
    return true;
  }

  /** The keeper is gone: takes the next one, starting it if nobody else does. */
  private void lost(KeeperClient gone) {
    if (client == gone) {
      client = null;
    }
    if (System.nanoTime() - lostNanos < RESTART_PAUSE.toNanos()) {
      LockSupport.parkNanos(RESTART_PAUSE.toNanos());
    }
    lostNanos = System.nanoTime();
    while (!isClosed && client == null) {
      log.warn("the keeper has ended; looking for another one");
      try {
        attach(true, SUCCESSOR_WAIT);
      } catch (LarderException e) {
        log.error("no other keeper yet code={}: {}", e.code(), e.getMessage());
        LockSupport.parkNanos(RESTART_PAUSE.toNanos());
      }
    }
  }

  private void onFatal(Throwable fault) {
    log.error("serving mounts failed; the agent ends so that the next one goes on", fault);
    Runtime.getRuntime().halt(70);
  }

  @Override
  public void view(String id, String label, Path image, boolean noExec) {
    KeeperClient keeper = keeper();
    try (Fd file = Fd.open(image, Fd.O_RDONLY | Fd.O_CLOEXEC | Fd.O_NOFOLLOW);
        Fd folder = Fd.openDirectory(blobsDirectory)) {
      keeper.catalog(id, file);
      keeper.overlay(id, label, folder, noExec);
    } catch (LinuxException e) {
      throw new LarderException(ErrorCode.MOUNT_FAILED, "cannot open " + e.getMessage(), e);
    }
  }

  @Override
  public void bind(String id, Path target, String part) {
    if (part.isEmpty()) {
      keeper().bind(id, target);
    } else {
      keeper().bind(id, target, part);
    }
  }

  @Override
  public void anchor(Path target) {
    keeper().anchor(target);
  }

  @Override
  public void detachDead(Path target) {
    keeper().detachDead(target);
  }

  @Override
  public void exchange(Path target, String from, String to) {
    keeper().exchange(target, from, to);
  }

  @Override
  public void remount(String id) {
    keeper().remount(id);
  }

  @Override
  public void detach(Path target, boolean lazy, boolean force) {
    keeper().detach(target, lazy, force);
  }

  @Override
  public void drop(String id, boolean force) {
    keeper().detach(id, true, force);
  }

  @Override
  public List<Shown> shown() {
    return shown(KeeperClient.CALL_SECONDS);
  }

  @Override
  public List<Shown> shownSoon() {
    return shown(SOON_SECONDS);
  }

  private List<Shown> shown(int secondsMax) {
    return keeper().mounts(secondsMax).stream()
        .filter(view -> view.state() != MountedView.State.GONE)
        .map(view ->
            new Shown(view.id(), Path.of(view.target()), view.state() == MountedView.State.COVERED))
        .toList();
  }

  /** Whether the kernel has a blob open through FUSE. */
  boolean isOpen(BlobKey key) {
    Serving now = serving;
    return now != null && (now.server().isOpen(key) || now.server().isBacked(key));
  }

  /** Whether the kernel ever asked for a blob through FUSE. */
  boolean isKnown(BlobKey key) {
    Serving now = serving;
    return now != null && now.server().isKnown(key);
  }

  /** Has the kernel drop what it keeps of a blob; may wait for reads of it. */
  void invalidate(BlobKey key) {
    Serving now = serving;
    if (now != null && now.server().invalidate(key)) {
      log.info("the kernel dropped its copy key={}", key);
    }
  }

  /** Figures of serving; empty when nothing is served. */
  Optional<FuseStats> stats() {
    return Optional.ofNullable(serving).map(now -> now.server().stats());
  }

  private static void end(KeeperClient keeper) {
    try {
      keeper.end();
    } catch (LarderException e) {
      log.info("the keeper stays code={}: {}", e.code(), e.getMessage());
    }
  }

  private KeeperClient keeper() {
    KeeperClient now = client;
    if (now == null) {
      throw new LarderException(
          ErrorCode.CLOSED, "the keeper has ended and another one is not there yet; try again");
    }
    return now;
  }

  /** Backings, by whichever keeper there is. */
  private final class Asking implements Backings {
    @Override
    public int open(Fd file) throws LinuxException {
      return keeper().open(file);
    }

    @Override
    public void close(int id) throws LinuxException {
      keeper().close(id);
    }

    @Override
    public boolean invalidate(long nodeId) throws LinuxException {
      return keeper().invalidate(nodeId);
    }

    @Override
    public void dropNames() throws LinuxException {
      keeper().dropNames();
    }
  }

  /** Leaves mounts and requests to the keeper and the next agent. */
  @Override
  public void close() {
    close(false);
  }

  /** Stops serving; a keeper that holds nothing for anybody ends too where that is wanted. */
  void close(boolean endsKeeper) {
    isClosed = true;
    synchronized (change) {
      Serving now = serving;
      serving = null;
      if (now != null) {
        now.close();
      }
      KeeperClient last = client;
      client = null;
      if (last != null) {
        if (endsKeeper) {
          end(last);
        }
        last.close();
      }
    }
  }
}
