package dev.larder.keeper;

import dev.larder.fuse.Abandoned;
import dev.larder.linux.Errno;
import dev.larder.linux.EventFd;
import dev.larder.linux.LinuxException;
import dev.larder.linux.NativeBuffer;
import dev.larder.linux.PidFd;
import dev.larder.linux.Poller;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Knows whether an agent serves the FUSE connection, and stands in while none does: requests are
 * kept for the next one, and fail once the deadline is over.
 *
 * <p><b>Threads:</b> any; one of its own. <b>Ownership:</b> closes connections and processes given
 * to it.
 */
final class AgentWatch implements AutoCloseable {
  /*
   * Descriptors that the thread may be polling are closed by that thread alone: a number that was
   * closed under it would be another file's. All state is guarded by this object's monitor; a
   * request is read and dealt with under it, so that none is in the air when an agent comes.
   *
   * While nobody serves, the shared open file does not wait when read (a request can be taken back
   * between poll and read). That is undone before an agent gets it.
   */
  private static final int BURST_MAX = 64;
  private static final long END_MILLIS = 5_000;

  private final long deadlineNanos;
  private final Runnable onDead;
  private final EventFd wake;
  private final NativeBuffer reply;
  private final Thread thread = new Thread(this::run, "keeper-watch");
  private final List<AutoCloseable> retired = new ArrayList<>();
  private @Nullable FuseConnection connection;
  private @Nullable Abandoned abandoned;
  private @Nullable PidFd agent;

  /** Whether the agent has this connection, and not only a former one. */
  private boolean isServed;

  private long unservedSince;
  private boolean isFailing;
  private boolean isFull;
  private boolean isDeadTold;
  private boolean isEnded;

  /**
   * Makes one that watches nothing yet.
   *
   * @param onDead called once for a connection that was aborted, on the watch's thread: must not
   *     wait
   */
  AgentWatch(Duration deadline, Runnable onDead) throws LinuxException {
    this.deadlineNanos = deadline.toNanos();
    this.onDead = onDead;
    wake = new EventFd();
    reply = NativeBuffer.locked(4096);
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  /** The connection that is to be served; null while another process has it. */
  synchronized @Nullable FuseConnection connection() {
    return connection;
  }

  /** The living agent's process number, or 0. */
  synchronized int agentPid() {
    return agent == null ? 0 : agent.pid();
  }

  /** The agent's process, for a successor; closed by this. */
  synchronized @Nullable PidFd agent() {
    return agent;
  }

  /** Whether the connection is served, and by this process. */
  synchronized boolean isServedBy(PidFd process) throws LinuxException {
    return isServed && agent != null && isSame(agent, process) && agent.isAlive();
  }

  /** Watches over a new connection that no agent has. */
  synchronized void put(FuseConnection fresh) throws LinuxException {
    replace(fresh);
    unserve();
  }

  /** Watches over a connection that an agent serves already. */
  synchronized void put(FuseConnection fresh, PidFd process) throws LinuxException {
    replace(fresh);
    retire(agent);
    agent = process;
    serve();
  }

  private void replace(FuseConnection fresh) {
    retire(connection);
    connection = fresh;
    abandoned = new Abandoned(fresh.shared(), fresh.device().fd(), reply.memory());
    isDeadTold = false;
    wake.signal();
  }

  /**
   * Lets an agent serve the connection from now on.
   *
   * @param process taken into ownership
   * @return the connection, or null when another agent lives
   */
  synchronized @Nullable FuseConnection attach(PidFd process) throws LinuxException {
    if (agent != null && !isSame(agent, process) && agent.isAlive()) {
      process.close();
      return null;
    }
    retire(agent);
    agent = process;
    serve();
    return connection;
  }

  private static boolean isSame(PidFd one, PidFd other) {
    // 0: a process of another name space, which has no number here.
    return one.pid() == other.pid() && one.pid() != 0;
  }

  private void serve() throws LinuxException {
    if (connection != null) {
      connection.device().fd().nonblocking(false);
    }
    isServed = true;
    isFailing = false;
    wake.signal();
  }

  private void unserve() throws LinuxException {
    isServed = false;
    isFailing = false;
    isFull = false;
    unservedSince = System.nanoTime();
    if (connection != null && abandoned != null) {
      connection.device().fd().nonblocking(true);
      int kept = abandoned.sort();
      if (kept > 0) {
        Log.info("requests wait for the next agent: " + kept);
      }
    }
    wake.signal();
  }

  private void retire(@Nullable AutoCloseable closeable) {
    if (closeable != null) {
      retired.add(closeable);
    }
  }

  private void run() {
    Poller poller = new Poller(3);
    poller.set(0, wake.fd(), Poller.IN);
    try {
      int timeout = prepare(poller);
      while (timeout != Integer.MIN_VALUE) {
        int unused = poller.await(timeout);
        wake.reset();
        if (step(poller)) {
          onDead.run();
        }
        timeout = prepare(poller);
      }
    } catch (LinuxException | RuntimeException | Error e) {
      // Without this thread readers would wait for ever: the next keeper takes over.
      Log.defect("the watch failed", e);
      Runtime.getRuntime().halt(70);
    }
  }

  /** What to wait for; returns for how long, or the least int at the end. */
  private synchronized int prepare(Poller poller) {
    for (AutoCloseable each : retired) {
      close(each);
    }
    retired.clear();
    if (isEnded) {
      return Integer.MIN_VALUE;
    }
    if (agent != null) {
      poller.set(1, agent.fd(), Poller.IN);
    } else {
      poller.unset(1);
    }
    if (connection != null && !isDeadTold) {
      poller.set(2, connection.device().fd(), isServed || isFull ? 0 : Poller.IN);
    } else {
      poller.unset(2);
    }
    if (connection == null || isServed || isFailing || isDeadTold) {
      return -1;
    }
    long left = deadlineNanos - (System.nanoTime() - unservedSince);
    return (int) Math.clamp(left / 1_000_000 + 1, 0, Integer.MAX_VALUE);
  }

  /** Whether the connection was found dead just now. */
  private synchronized boolean step(Poller poller) throws LinuxException {
    if (isEnded) {
      return false;
    }
    if (agent != null && !agent.isAlive()) {
      Log.info("the agent has ended: process " + agent.pid());
      retire(agent);
      agent = null;
      unserve();
    }
    FuseConnection current = connection;
    Abandoned standIn = abandoned;
    if (current == null || standIn == null || isDeadTold) {
      return false;
    }
    if (!current.isAlive()) {
      isDeadTold = true;
      return true;
    }
    if (!isServed) {
      standIn(standIn);
    }
    return false;
  }

  private void standIn(Abandoned standIn) {
    if (!isFailing && System.nanoTime() - unservedSince >= deadlineNanos) {
      isFailing = true;
      int failed = standIn.failAll(Errno.EIO);
      Log.warn("no agent within keeper.agent-deadline: requests fail, of those waiting " + failed);
    }
    isFull = false;
    for (int i = 0; i < BURST_MAX; i++) {
      int result = standIn.take(isFailing ? Errno.EIO : 0);
      if (result == Abandoned.FULL) {
        isFull = true;
        return;
      }
      if (result < 0 && result != -Errno.EINTR && result != -Errno.ENOENT) {
        // None is there, or the connection is dead, which the next poll tells.
        return;
      }
    }
  }

  private static void close(AutoCloseable closeable) {
    try {
      closeable.close();
    } catch (Exception e) {
      Log.defect("closing " + closeable, e);
    }
  }

  /** Stops standing in; descriptors stay open, for a successor. */
  void stop() {
    synchronized (this) {
      isEnded = true;
      wake.signal();
    }
    try {
      thread.join(END_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Stops, and lets go of connection and agent. */
  @Override
  public void close() {
    stop();
    synchronized (this) {
      retire(connection);
      retire(agent);
      connection = null;
      agent = null;
      retired.forEach(AgentWatch::close);
      retired.clear();
    }
  }
}
