package dev.larder.keeper;

import dev.larder.linux.Errno;
import dev.larder.linux.LinuxException;
import dev.larder.linux.Processes;
import dev.larder.linux.SeqPacketServer;
import dev.larder.linux.SeqPacketSocket;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The keeper's process. Exit status: 0 ended, 2 wrong command line, 3 another keeper runs, 1 else.
 */
public final class KeeperMain {
  private static final int CHANGES_AT_ONCE = 4;
  private static final int CHANGES_WAITING = 64;
  private static final long IDLE_SECONDS = 10;

  private KeeperMain() {}

  /** Runs until it is ended; arguments as {@link KeeperConfig#parse} takes them. */
  public static void main(String[] arguments) {
    KeeperConfig config;
    try {
      config = KeeperConfig.parse(List.of(arguments));
    } catch (LarderException e) {
      Log.error(String.valueOf(e.getMessage()));
      System.exit(2);
      return;
    }
    try {
      detachFromStarter();
      run(config);
    } catch (LinuxException e) {
      Log.error(String.valueOf(e.getMessage()));
      System.exit(e.errno() == Errno.EBUSY && e.call().equals("lock") ? 3 : 1);
    } catch (IOException | RuntimeException e) {
      Log.defect("the keeper cannot start", e);
      System.exit(1);
    }
  }

  private static void detachFromStarter() {
    try {
      Processes.newSession();
    } catch (LinuxException e) {
      // Under systemd it heads a session already.
      Log.info("stays in its session: " + Errno.name(e.errno()));
    }
    try {
      // Short of memory the agent goes first: readers survive that.
      Files.writeString(Path.of("/proc/self/oom_score_adj"), "-900");
    } catch (IOException e) {
      Log.warn("oom_score_adj cannot be set: " + e);
    }
  }

  private static void run(KeeperConfig config) throws IOException {
    Places places = Keeper.prepare(config.runDirectory());
    FileChannel lock;
    Keeper.Inheritance inheritance = Keeper.Inheritance.NONE;
    if (config.takeOver()) {
      TakeOver.Taken taken = TakeOver.from(places);
      lock = taken.lock();
      inheritance = taken.inheritance();
    } else {
      lock = Keeper.lock(places);
    }
    new PidFile(places.pid()).write(ProcessHandle.current().pid());
    Keeper keeper = Keeper.start(config, places, lock, inheritance);
    try (SeqPacketServer server = SeqPacketServer.bind(places.socket())) {
      Log.info("listens at " + places.socket() + ", process " + ProcessHandle.current().pid());
      accept(keeper, server);
    }
  }

  private static void accept(Keeper keeper, SeqPacketServer server) throws LinuxException {
    Semaphore room = new Semaphore(keeper.config().connectionsMax());
    try (ExecutorService changes = threads("keeper-change", CHANGES_AT_ONCE);
        ExecutorService invalidations = threads("keeper-invalidate", 1);
        ExecutorService drops = threads("keeper-drop-names", 1)) {
      while (true) {
        SeqPacketSocket socket = server.accept(-1);
        if (socket == null) {
          continue;
        }
        if (!room.tryAcquire()) {
          Log.warn("keeper.connections-max: a connection is closed at once");
          socket.close();
          continue;
        }
        Connection connection =
            new Connection(socket, keeper, server, changes, invalidations, drops);
        Thread thread =
            new Thread(
                () -> {
                  try {
                    connection.run();
                  } finally {
                    room.release();
                  }
                },
                "keeper-connection");
        thread.setDaemon(true);
        thread.start();
      }
    }
  }

  private static ExecutorService threads(String name, int count) {
    return new ThreadPoolExecutor(
        count,
        count,
        IDLE_SECONDS,
        TimeUnit.SECONDS,
        new ArrayBlockingQueue<>(CHANGES_WAITING),
        work -> {
          Thread thread = new Thread(work, name);
          thread.setDaemon(true);
          return thread;
        });
  }
}
