package dev.larder.keeper;

import dev.larder.keeper.wire.Answer;
import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import dev.larder.linux.FsContext;
import dev.larder.linux.FuseDevice;
import dev.larder.linux.LinuxException;
import dev.larder.linux.Message;
import dev.larder.linux.MountEntry;
import dev.larder.linux.MountFd;
import dev.larder.linux.MountTable;
import dev.larder.linux.OverlayMount;
import dev.larder.linux.OverlayStyle;
import dev.larder.linux.PidFd;
import dev.larder.linux.SeqPacketServer;
import dev.larder.linux.Unmount;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The keeper: its parts, and what happens to the FUSE connection over its life.
 *
 * <p><b>Threads:</b> any. The connection is, one after another: this keeper's own and made here;
 * taken over from a former keeper; or, when that one died, still with an agent that is to give it
 * back ({@link #probe} then tells whether it lives). A dead one is replaced, with all overlays over
 * it.
 */
final class Keeper {
  private static final int PROBE_MILLIS = 500;
  private static final long REPLACE_SECONDS = 10;
  private static final long TURN_NANOS = TimeUnit.SECONDS.toNanos(9);

  private final KeeperConfig config;
  private final Places places;
  private final FileChannel lockFile;
  private final Book book;
  private final FusePlace fuse;
  private final Views views;
  private final Anchors anchors;
  private final Recovery recovery;
  private final AgentWatch watch;

  /** Held while the connection changes hands or is replaced. */
  private final ReentrantLock change = new ReentrantLock();

  private final Gate gate = new Gate();
  private @Nullable ConnectionProbe probe;

  /** Connections of the agent that has the FUSE connection. */
  private final Set<Connection> agents = ConcurrentHashMap.newKeySet();

  /** Whether the agent serves since before this keeper, and has not come to it yet. */
  private boolean isInherited;

  private volatile boolean isEnding;

  /** What a former keeper gave. */
  record Inheritance(@Nullable FuseConnection connection, @Nullable PidFd agent) {
    static final Inheritance NONE = new Inheritance(null, null);
  }

  private Keeper(KeeperConfig config, Places places, FileChannel lockFile) throws IOException {
    this.config = config;
    this.places = places;
    this.lockFile = lockFile;
    mountPrivate();
    book = new Book(new LedgerFile(places.state()));
    fuse = new FusePlace(places, config.readAheadBytes());
    OverlayStyle style =
        config.layers() == KeeperConfig.Layers.JOINED ? OverlayStyle.JOINED : OverlayStyle.probe();
    OverlayPlace overlays = new OverlayPlace(places, fuse, new OverlayMount(style));
    Turns turns = new Turns(TURN_NANOS);
    anchors = new Anchors(places, turns);
    views = new Views(places, fuse, overlays, book, config.mountsMax(), turns, anchors);
    recovery = new Recovery(places, overlays, book, turns);
    watch = new AgentWatch(config.agentDeadline(), this::startReplacing);
  }

  /**
   * Makes the run directory and takes its lock.
   *
   * @throws LinuxException EBUSY when another keeper has it
   */
  static FileChannel lock(Places places) throws IOException {
    FileChannel channel =
        FileChannel.open(places.lock(), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    FileLock lock = channel.tryLock();
    if (lock == null) {
      channel.close();
      throw new LinuxException("lock", places.lock().toString(), Errno.EBUSY, "a keeper runs");
    }
    return channel;
  }

  static Places prepare(Path runDirectory) throws IOException {
    Files.createDirectories(runDirectory);
    Path real = runDirectory.toRealPath();
    Files.setPosixFilePermissions(real, PosixFilePermissions.fromString("rwx------"));
    return new Places(real);
  }

  /** Puts everything right and begins to watch; requests are for the caller to let in. */
  static Keeper start(
      KeeperConfig config, Places places, FileChannel lockFile, Inheritance inheritance)
      throws IOException {
    Keeper keeper = new Keeper(config, places, lockFile);
    keeper.recovery.reconcile();
    keeper.watch.start();
    keeper.takeConnection(inheritance);
    return keeper;
  }

  /**
   * A tmpfs that no other name space sees into, unless it is to be found by a later one's keeper.
   */
  private void mountPrivate() throws IOException {
    Files.createDirectories(places.mounts());
    MountEntry top = MountTable.read().top(places.mounts());
    if (top == null) {
      try (FsContext context = FsContext.open("tmpfs");
          MountFd mount =
              context
                  .string("source", "larder")
                  .string("mode", "0700")
                  .string("size", "1m")
                  .string("nr_inodes", Integer.toString(2 * config.mountsMax() + 64))
                  .create()
                  .mount(MountFd.NO_SUID | MountFd.NO_DEV | MountFd.NO_EXEC)) {
        mount.attach(places.mounts());
        if (!config.sharesMounts()) {
          mount.propagation(MountFd.Propagation.PRIVATE);
        }
      }
    } else if (!top.type().equals("tmpfs") || !top.source().equals("larder")) {
      throw new LinuxException(
          "start", places.mounts().toString(), Errno.EBUSY, "something else is mounted there");
    }
  }

  private void takeConnection(Inheritance inheritance) throws IOException {
    FuseConnection inherited = inheritance.connection();
    if (inherited != null && inherited.isAlive()) {
      PidFd agent = inheritance.agent();
      if (agent != null) {
        watch.put(inherited, agent);
        isInherited = true;
      } else {
        watch.put(inherited);
      }
      Log.info("took over");
      return;
    }
    if (fuse.isMounted()) {
      ConnectionProbe fresh = new ConnectionProbe(places.fuse());
      fresh.start();
      if (!fresh.isDeadWithin(PROBE_MILLIS)) {
        Log.info("the FUSE connection lives in an agent, which is to give it back");
        probe = fresh;
        var unused = fresh.dead().thenRun(this::startReplacing);
        return;
      }
    }
    replace();
  }

  /** On a thread of its own: overlays cannot be made by the one that stands in for the agent. */
  private void startReplacing() {
    Thread thread =
        new Thread(
            () -> {
              try {
                replaceIfDead();
              } catch (IOException | RuntimeException e) {
                Log.defect("no new FUSE connection", e);
              }
            },
            "keeper-replace");
    thread.setDaemon(true);
    thread.start();
  }

  private void lockChange() throws LinuxException {
    try {
      if (!change.tryLock(REPLACE_SECONDS, TimeUnit.SECONDS)) {
        throw new LinuxException(
            "wait", "FUSE connection", Errno.EAGAIN, "it is being made; try again");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LinuxException("wait", "FUSE connection", Errno.EINTR);
    }
  }

  /**
   * Makes a new connection where the former one is known to be dead: no overlay can be made of it.
   */
  void replaceIfDead() throws IOException {
    lockChange();
    try {
      FuseConnection current = watch.connection();
      boolean isDead =
          current == null ? probe != null && probe.dead().isDone() : !current.isAlive();
      if (isDead && !isEnding) {
        replace();
      }
    } finally {
      change.unlock();
    }
  }

  private void replace() throws IOException {
    try (FuseConnection.Fresh fresh = FuseConnection.create(config)) {
      fuse.attach(fresh.mount());
      watch.put(fresh.connection());
      if (probe != null) {
        probe.stop();
        probe = null;
      }
    }
    Log.info("made a new FUSE connection");
    // The agent that had the former one comes again when it is hung up on, and gets this one.
    agents.forEach(Connection::expire);
    agents.clear();
    isInherited = false;
    recovery.rebuild();
  }

  /**
   * Lets an agent in.
   *
   * @param process the agent's; taken into ownership
   * @param layout version of the shared memory that it knows
   * @param descriptors those to send with the answer are added
   */
  Answer hello(PidFd process, int layout, Connection from, List<Fd> descriptors)
      throws IOException {
    replaceIfDead();
    lockChange();
    boolean isTaken = false;
    try {
      int pid = (int) ProcessHandle.current().pid();
      boolean isKnown = isInherited && watch.isServedBy(process);
      FuseConnection current = watch.connection();
      if (current == null || isKnown) {
        // It serves already; a second time would be two servers on one memory.
        return new Answer.Welcome(pid, true);
      }
      if (current.layout() != layout) {
        // Let in, it would be taken to serve, and readers would wait for it without an end.
        return new Answer.Failed(
            Errno.EPROTO,
            "the keeper's shared memory is of version "
                + current.layout()
                + ", this agent knows version "
                + layout
                + "; start the keeper again, of the same build (files that are open through FUSE"
                + " then fail)");
      }
      int other = watch.agentPid();
      isTaken = true;
      FuseConnection connection = watch.attach(process);
      if (connection == null) {
        return new Answer.Failed(Errno.EBUSY, "another agent lives: process " + other);
      }
      isInherited = false;
      agents.add(from);
      descriptors.add(connection.device().fd());
      descriptors.add(connection.memory().fd());
      Log.info("an agent serves: process " + process.pid());
      return new Answer.Welcome(pid, false);
    } finally {
      change.unlock();
      if (!isTaken) {
        process.close();
      }
    }
  }

  /**
   * Takes the connection back from the agent that has it.
   *
   * @param process the agent's; taken into ownership
   */
  Answer restore(PidFd process, Connection from, Message message) throws IOException {
    lockChange();
    boolean isTaken = false;
    try {
      if (isInherited && watch.isServedBy(process)) {
        // The former keeper gave it already.
        isInherited = false;
      } else if (watch.connection() != null) {
        return new Answer.Failed(Errno.EEXIST, "this keeper has a FUSE connection");
      } else {
        FuseConnection connection = FuseConnection.adopt(message);
        if (!connection.isAlive()) {
          connection.close();
          return new Answer.Failed(Errno.ENOTCONN, "the FUSE connection is dead");
        }
        isTaken = true;
        watch.put(connection, process);
        if (probe != null) {
          probe.stop();
          probe = null;
        }
      }
      agents.add(from);
      Log.info("an agent gave the FUSE connection back: process " + process.pid());
      return new Answer.Done();
    } finally {
      change.unlock();
      if (!isTaken) {
        process.close();
      }
    }
  }

  /** A connection is gone. */
  void forget(Connection connection) {
    agents.remove(connection);
  }

  /** Gives everything to a successor, which is the keeper once it says END. */
  Answer takeOver(List<Fd> descriptors) throws IOException {
    lockChange();
    try {
      FuseConnection connection = watch.connection();
      if (connection == null) {
        return new Answer.State(0);
      }
      descriptors.add(connection.device().fd());
      descriptors.add(connection.memory().fd());
      PidFd agent = watch.agent();
      if (agent != null) {
        descriptors.add(agent.fd());
      }
      return new Answer.State(agent == null ? 0 : agent.pid());
    } finally {
      change.unlock();
    }
  }

  /**
   * Ends every change and stops standing in for agents: the successor does that from now on.
   *
   * @throws LinuxException EBUSY when a change does not end; then this stays the keeper
   */
  void retire() throws LinuxException {
    gate.shut();
    isEnding = true;
    watch.stop();
    Log.info("a successor takes over");
  }

  /**
   * Takes the keeper's own mounts away.
   *
   * @throws LinuxException EBUSY while views are mounted
   */
  void end(SeqPacketServer server) throws IOException {
    lockChange();
    try {
      if (!book.read(Ledger::isEmpty)) {
        throw new LinuxException("end", "keeper", Errno.EBUSY, "views are mounted");
      }
      gate.shut();
      isEnding = true;
      if (probe != null) {
        probe.stop();
      }
      OverlayPlace.clear(places.fuse());
      watch.close();
      while (MountTable.read().top(places.mounts()) != null) {
        Unmount.lazily(places.mounts());
      }
      book.delete();
      Files.deleteIfExists(server.path());
      Files.deleteIfExists(places.pid());
      Log.info("ends");
    } finally {
      change.unlock();
    }
  }

  /** The agent's FUSE device, for ioctls. */
  FuseDevice device() throws LinuxException {
    FuseConnection connection = watch.connection();
    if (connection == null) {
      throw new LinuxException("ioctl", "/dev/fuse", Errno.ENOTCONN, "it is with an agent");
    }
    return connection.device();
  }

  Anchors anchors() {
    return anchors;
  }

  Views views() {
    return views;
  }

  KeeperConfig config() {
    return config;
  }

  Gate gate() {
    return gate;
  }

  boolean isEnding() {
    return isEnding;
  }

  /** Gives the run directory free for the next keeper. */
  void unlock() throws IOException {
    lockFile.close();
  }
}
