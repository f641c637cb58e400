package dev.larder.cli;

import dev.larder.client.Control.Mount;
import dev.larder.client.Control.MountRequest;
import dev.larder.client.LarderClient;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Datasets as directories: mount, unmount, mounts, pack. */
final class MountCommands {
  private MountCommands() {}

  /** How a dataset is mounted. */
  enum Kind {
    /** The best this host and user can. */
    auto,
    /** By the kernel; outlives the agent. */
    kernel,
    /** By libfuse; ends with the agent. */
    tree
  }

  private static Map<String, Object> json(Mount mount) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("snapshot", mount.snapshot());
    fields.put("target", mount.target());
    fields.put("kind", mount.kind());
    fields.put("follow", mount.follow());
    fields.put("packed", mount.packed());
    fields.put("complete", mount.complete());
    fields.put("state", mount.state());
    fields.put("mountedAt", mount.mountedAt().toString());
    return fields;
  }

  private static String absolute(Path path) {
    return path.toAbsolutePath().normalize().toString();
  }

  /** Longer than an agent takes for an unmount that hangs, and within the promised ten seconds. */
  private static final int ANSWER_SECONDS = 9;

  @Command(
      name = "mount",
      description =
          "Show a dataset as a read-only directory. Without --background it stays until Ctrl-C.")
  static final class MountDataset implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Parameters(index = "0", paramLabel = "DATASET", description = "name or name@snapshot")
    String dataset;

    @Parameters(index = "1", paramLabel = "DIR", description = "an existing directory")
    Path directory;

    @Option(names = "--follow", description = "Show the newest snapshot after each refresh.")
    boolean follow;

    @Option(
        names = "--allow-other",
        description = "Let other users in (tree mounts; kernel mounts always do).")
    boolean allowOther;

    @Option(names = "--noexec", description = "Programs inside may not be run.")
    boolean noExec;

    @Option(
        names = "--kind",
        paramLabel = "KIND",
        defaultValue = "auto",
        description = "${COMPLETION-CANDIDATES} (default: auto).")
    Kind kind;

    private static final int HIDDEN_MAX = 1000;

    @Option(names = "--background", description = "Return once it is mounted.")
    boolean background;

    @Override
    public Integer call() throws InterruptedException {
      String target = absolute(directory);
      try (LarderClient client = agent.connect()) {
        boolean isAgain =
            client.control().mounts().stream().anyMatch(each -> each.target().equals(target));
        long hidden = isAgain ? 0 : entries(directory);
        Mount mount =
            client
                .control()
                .mount(new MountRequest(dataset, target, follow, allowOther, noExec, kind.name()));
        PrintWriter out = spec.commandLine().getOut();
        switch (output.format) {
          case json -> Output.json(out, json(mount));
          case quiet -> out.println(mount.target());
          case table ->
              out.printf(
                  "%s is mounted at %s%s%s%n",
                  mount.snapshot(), mount.target(), isAgain ? " already" : "", note(mount));
        }
        out.flush();
        if (hidden > 0) {
          spec.commandLine()
              .getErr()
              .printf(
                  "%s was not empty: what is in it (%s) is hidden while mounted%n",
                  directory,
                  hidden >= HIDDEN_MAX ? "many names" : hidden == 1 ? "1 name" : hidden + " names");
        }
        if (!background && !isAgain) {
          waitForEnd(client, mount.target());
        }
      }
      return ExitCodes.OK;
    }

    /** How many names a directory has, as far as one can see; the agent judges the directory. */
    private static long entries(Path directory) {
      try (Stream<Path> names = Files.list(directory)) {
        return names.limit(HIDDEN_MAX).count();
      } catch (IOException | UncheckedIOException e) {
        return 0;
      }
    }

    private static String note(Mount mount) {
      return mount.kind().equals("tree") ? " (a tree: it ends with the agent)" : "";
    }

    private void waitForEnd(LarderClient client, String target) throws InterruptedException {
      PrintWriter err = spec.commandLine().getErr();
      err.println("Ctrl-C unmounts it");
      err.flush();
      Runtime.getRuntime()
          .addShutdownHook(
              new Thread(() -> {
                try {
                  client.control().unmount(target, "lazy");
                } catch (LarderException e) {
                  err.println("larder: " + e.getMessage());
                  err.flush();
                }
              }));
      new CountDownLatch(1).await();
    }
  }

  /**
   * What an agent answers, if it does in time: one that is stopped takes connections and says
   * nothing. A call that is given up is left to a thread that ends with the process.
   *
   * @param hint what to do without it, put behind the fault's text
   * @throws LarderException DEADLINE, and whatever the call throws
   */
  private static <T> T inTime(Callable<T> call, int seconds, String hint)
      throws InterruptedException {
    FutureTask<T> asking = new FutureTask<>(call);
    Thread.ofPlatform().daemon().name("ask-agent").start(asking);
    try {
      return asking.get(seconds, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new LarderException(
          ErrorCode.DEADLINE, "the agent did not answer within " + seconds + " seconds" + hint, e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof LarderException fault) {
        throw fault;
      }
      throw new IllegalStateException("asking the agent", e.getCause());
    }
  }

  @Command(name = "unmount", description = "Take a mount away.")
  static final class Unmount implements Callable<Integer> {
    /**
     * Longer than an agent takes for an unmount that hangs, and half of what a user is promised.
     */
    private static final int AGENT_SECONDS = 5;

    private static final String WITHOUT_AGENT = "; \"larder unmount --lazy\" needs no agent";

    @Spec CommandSpec spec;
    @Mixin AgentOption agent;

    @Parameters(index = "0", paramLabel = "DIR", description = "where it is mounted")
    Path directory;

    @Option(names = "--lazy", description = "At once, although files are open: they go on.")
    boolean lazy;

    @Option(names = "--force", description = "At once; reads that wait end with an error.")
    boolean force;

    @Option(
        names = "--run-dir",
        paramLabel = "DIR",
        description =
            "The node's run directory: --lazy and --force ask the keeper there when no agent"
                + " answers (default: as for the agent).")
    @Nullable Path runDirectory;

    private final AgentlessUnmount agentless;

    Unmount(AgentlessUnmount agentless) {
      this.agentless = agentless;
    }

    @Override
    public Integer call() throws InterruptedException {
      if (lazy && force) {
        throw new LarderException(ErrorCode.BAD_REQUEST, "--lazy and --force exclude each other");
      }
      if (lazy || force) {
        despiteAll(force);
      } else {
        try {
          inTime(
              () -> {
                byAgent("plain");
                return true;
              },
              ANSWER_SECONDS,
              WITHOUT_AGENT);
        } catch (LarderException e) {
          throw e.code() == ErrorCode.AGENT_UNAVAILABLE
              ? new LarderException(e.code(), e.getMessage() + WITHOUT_AGENT, e)
              : e;
        }
      }
      return ExitCodes.OK;
    }

    private void byAgent(String mode) {
      try (LarderClient client = agent.connect()) {
        client.control().unmount(absolute(directory), mode);
      }
    }

    /** It has to end whatever became of the agent. */
    private void despiteAll(boolean force) throws InterruptedException {
      String why;
      try {
        boolean unused =
            inTime(
                () -> {
                  byAgent(force ? "force" : "lazy");
                  return true;
                },
                AGENT_SECONDS,
                "");
        return;
      } catch (LarderException e) {
        if (!isAgentGone(e.code())) {
          throw e;
        }
        why = String.valueOf(e.getMessage());
      }
      List<Path> places =
          runDirectory != null ? List.of(runDirectory.toAbsolutePath()) : agent.runDirectories();
      String who = agentless.unmount(Path.of(absolute(directory)), force, places);
      PrintWriter err = spec.commandLine().getErr();
      err.println("larder: " + Output.printable(why) + "; it was unmounted by " + who);
      err.flush();
    }

    private static boolean isAgentGone(ErrorCode code) {
      return code == ErrorCode.AGENT_UNAVAILABLE
          || code == ErrorCode.DEADLINE
          || code == ErrorCode.CLOSED;
    }
  }

  @Command(name = "mounts", description = "List mounts of this host.")
  static final class ListMounts implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Override
    public Integer call() throws InterruptedException {
      PrintWriter out = spec.commandLine().getOut();
      try (LarderClient client = agent.connect()) {
        List<Mount> mounts =
            inTime(
                () -> client.control().mounts(),
                ANSWER_SECONDS,
                "; /proc/self/mountinfo shows what is mounted");
        switch (output.format) {
          case json -> Output.json(out, mounts.stream().map(MountCommands::json).toList());
          case quiet -> mounts.forEach(mount -> out.println(mount.target()));
          case table -> {
            Output.Table table =
                new Output.Table("SNAPSHOT", "DIRECTORY", "KIND", "STATE", "LOCAL", "SINCE");
            for (Mount mount : mounts) {
              table.row(
                  mount.snapshot() + (mount.follow() ? " (follows)" : ""),
                  mount.target(),
                  mount.kind(),
                  mount.state(),
                  mount.complete() ? "complete" : mount.packed() ? "packed" : "partly",
                  mount.mountedAt().truncatedTo(ChronoUnit.SECONDS).toString());
            }
            table.print(out);
          }
        }
      }
      return ExitCodes.OK;
    }
  }

  @Command(
      name = "pack",
      description =
          "Put the bytes of a snapshot's small files into its catalog, so that mounts read them"
              + " natively; they must be in the cache (see warm).")
  static final class Pack implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Parameters(index = "0", paramLabel = "DATASET", description = "name or name@snapshot")
    String dataset;

    @Override
    public Integer call() {
      PrintWriter out = spec.commandLine().getOut();
      try (LarderClient client = agent.connect()) {
        long files = client.control().pack(dataset);
        switch (output.format) {
          case json -> Output.json(out, Map.of("snapshot", dataset, "files", files));
          case quiet -> out.println(files);
          case table -> out.printf("packed %d files%n", files);
        }
      }
      return ExitCodes.OK;
    }
  }
}
