package dev.larder.keeper;

import dev.larder.fuse.FuseConfig;
import dev.larder.fuse.FuseServer;
import dev.larder.fuse.SharedState;
import dev.larder.keeper.KeeperClient.Attachment;
import dev.larder.keeper.wire.MountedView;
import dev.larder.linux.Fd;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.LarderException;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A small agent to be killed: serves a directory's blobs, comes back to every keeper, and does what
 * lines on its input say, each answered by one line.
 */
final class AgentMain {
  private static final FuseConfig CONFIG =
      new FuseConfig(64, 4096, 2, 32, 8L << 20, 16, Duration.ofSeconds(60), true);

  private final Path run;
  private final DirectoryBlobs blobs;
  private volatile @Nullable KeeperClient client;
  private Attachment.@Nullable Attached held;
  private @Nullable FuseServer server;

  private AgentMain(Path run, Path blobs) {
    this.run = run;
    this.blobs = new DirectoryBlobs(blobs);
  }

  /** Run directory and directory of blobs. */
  public static void main(String[] arguments) throws Exception {
    AgentMain agent = new AgentMain(Path.of(arguments[0]), Path.of(arguments[1]));
    agent.attach();
    say("ready");
    Thread.ofPlatform().daemon().start(agent::stayAttached);
    BufferedReader input =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      try {
        say("ok " + agent.obey(line.split("\t", -1)));
      } catch (LarderException e) {
        say("fault " + e.code() + " " + e.getMessage());
      }
    }
    Runtime.getRuntime().halt(0);
  }

  private static void say(String line) {
    System.out.println(line.replace('\n', ' '));
    System.out.flush();
  }

  private synchronized void attach() {
    KeeperClient fresh = null;
    while (true) {
      if (fresh == null || fresh.ended().isDone()) {
        fresh = KeeperClient.connect(run).orElse(null);
      }
      try {
        if (fresh != null && tryAttach(fresh)) {
          client = fresh;
          return;
        }
      } catch (LarderException e) {
        // The keeper ended in between; the next one is waited for.
      }
      LockSupport.parkNanos(5_000_000);
    }
  }

  private boolean tryAttach(KeeperClient fresh) {
    boolean isServing = server != null && !server.end().isDone();
    switch (fresh.attach()) {
      case Attachment.Attached _ when isServing ->
          throw new IllegalStateException("told to serve what is served already");
      case Attachment.Attached attached -> {
        serve(attached);
        return true;
      }
      case Attachment.RestoreWanted() -> {
        if (held == null || !isServing) {
          return false;
        }
        fresh.restore(held.device(), held.memory());
        return true;
      }
      case Attachment.Occupied _ -> {
        return false;
      }
    }
  }

  private void serve(Attachment.Attached attached) {
    held = attached;
    server =
        new FuseServer(
            CONFIG,
            attached.device().fd(),
            SharedState.open(attached.memory().memory()),
            blobs,
            new dev.larder.fuse.Backings() {
              @Override
              public int open(Fd file) throws dev.larder.linux.LinuxException {
                return client().open(file);
              }

              @Override
              public void close(int id) throws dev.larder.linux.LinuxException {
                client().close(id);
              }

              @Override
              public boolean invalidate(long nodeId) throws dev.larder.linux.LinuxException {
                return client().invalidate(nodeId);
              }

              @Override
              public void dropNames() throws dev.larder.linux.LinuxException {
                client().dropNames();
              }
            },
            fault -> Runtime.getRuntime().halt(99));
    server.start();
  }

  private KeeperClient client() {
    KeeperClient current = client;
    if (current == null) {
      throw new LarderException(dev.larder.protocol.ErrorCode.CLOSED, "no keeper yet");
    }
    return current;
  }

  private void stayAttached() {
    while (true) {
      LockSupport.parkNanos(5_000_000);
      if (client().ended().isDone()) {
        attach();
      }
    }
  }

  private String obey(String[] words) throws Exception {
    KeeperClient keeper = client();
    switch (words[0]) {
      case "catalog" -> {
        try (Fd image = Fd.open(Path.of(words[2]), Fd.O_RDONLY)) {
          keeper.catalog(words[1], image);
        }
      }
      case "overlay" -> {
        try (Fd folder = Fd.openDirectory(Path.of(words[3]))) {
          keeper.overlay(words[1], words[2], folder, false);
        }
      }
      case "bind" -> keeper.bind(words[1], Path.of(words[2]));
      case "switch" -> keeper.exchange(Path.of(words[1]), words[2], words[3]);
      case "remount" -> keeper.remount(words[1]);
      case "detach" ->
          keeper.detach(Path.of(words[1]), words[2].equals("lazy"), words[2].equals("force"));
      case "drop" -> keeper.detach(words[1], words[2].equals("lazy"), words[2].equals("force"));
      case "list" -> {
        StringBuilder out = new StringBuilder();
        for (MountedView view : keeper.mounts()) {
          out.append(view.target()).append('=').append(view.id()).append('=').append(view.state());
          out.append('\t');
        }
        return out.toString();
      }
      case "invalidate" -> {
        FuseServer serving = Objects.requireNonNull(server);
        return "" + serving.invalidate(BlobKey.parse(words[1]));
      }
      case "reads" -> {
        return "" + Objects.requireNonNull(server).stats().reads();
      }
      case "end" -> keeper.end();
      case "stats" -> {
        return Optional.ofNullable(server).map(s -> s.stats().toString()).orElse("");
      }
      default -> throw new IllegalArgumentException(words[0]);
    }
    return "";
  }
}
