package dev.larder.cli;

import dev.larder.client.Control.ControlApi;
import dev.larder.client.Control.Job;
import dev.larder.client.Control.Pin;
import dev.larder.client.LarderClient;
import dev.larder.protocol.DataSize;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Commands on what the cache holds: warm, jobs, pin, unpin, pins. */
final class CacheCommands {
  private static final long POLL_MILLIS = 200;

  private CacheCommands() {}

  private static Map<String, Object> json(Job job) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("id", job.id());
    fields.put("kind", job.kind());
    fields.put("snapshot", job.snapshot());
    fields.put("glob", job.glob());
    fields.put("state", job.state());
    fields.put("files", job.files());
    fields.put("doneFiles", job.doneFiles());
    fields.put("bytes", job.bytes());
    fields.put("doneBytes", job.doneBytes());
    fields.put("failed", job.failed());
    job.firstError().ifPresent(error -> fields.put("firstError", error));
    fields.put("startedAt", job.startedAt().toString());
    job.endedAt().ifPresent(ended -> fields.put("endedAt", ended.toString()));
    return fields;
  }

  private static Map<String, Object> json(Pin pin) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("snapshot", pin.snapshot());
    fields.put("glob", pin.glob());
    fields.put("files", pin.files());
    fields.put("bytes", pin.bytes());
    fields.put("createdAt", pin.createdAt().toString());
    pin.expiresAt().ifPresent(end -> fields.put("expiresAt", end.toString()));
    fields.put("owner", pin.owner());
    return fields;
  }

  /** A moment without the parts of its second. */
  static String seconds(String moment) {
    int dot = moment.indexOf('.');
    return dot < 0 ? moment : moment.substring(0, dot) + "Z";
  }

  private static boolean isOver(Job job) {
    return !job.state().equals("running");
  }

  @Command(name = "warm", description = "Bring files into the cache before they are needed.")
  static final class Warm implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Mixin DatasetFiles files;

    @Mixin TtlOption keep;

    @Option(names = "--no-wait", description = "Print the job's id and return.")
    boolean noWait;

    @Option(
        names = "--nodes",
        paramLabel = "SELECTOR",
        description =
            "On these nodes of the cluster, also on those that join later: all, a number, names,"
                + " zone=ZONE, LABEL=VALUE, joined by commas.")
    @Nullable String nodes;

    @Option(
        names = "--wait",
        description = "With --nodes: wait until each node has everything or failed.")
    boolean wait;

    @Override
    public Integer call() throws InterruptedException {
      if (nodes != null && noWait && wait) {
        throw new ParameterException(spec.commandLine(), "give --wait or --no-wait, not both");
      }
      if (nodes != null) {
        try (LarderClient client = agent.connect()) {
          return WarmUpCommands.start(spec, client, output, files, nodes, keep.ttl(), wait);
        }
      }
      return onThisNode();
    }

    private Integer onThisNode() throws InterruptedException {
      try (LarderClient client = agent.connect();
          ProgressLine line = new ProgressLine("warm", spec.commandLine().getErr())) {
        ControlApi control = client.control();
        if (!keep.ttl().isZero()) {
          control.pin(files.dataset, files.glob(), keep.ttl());
        }
        Job started = control.warm(files.dataset, files.glob());
        if (noWait) {
          print(started);
          return ExitCodes.OK;
        }
        Job job = awaitEnd(control, started, line);
        if (job.files() == 0 && job.state().equals("done") && !files.glob().isEmpty()) {
          throw new LarderException(
              ErrorCode.NO_SUCH_PATH,
              "nothing in " + job.snapshot() + " matches \"" + files.glob() + "\"");
        }
        line.show(job.doneBytes(), job.bytes(), "");
        if (output.format == Output.Format.table) {
          line.finish(
              "%s, %d of %d files, %s"
                  .formatted(
                      job.state(), job.doneFiles(), job.files(), DataSize.human(job.doneBytes())));
          job.firstError().ifPresent(e -> spec.commandLine().getErr().println("first error: " + e));
        } else {
          print(job);
        }
        return job.state().equals("done") ? ExitCodes.OK : ExitCodes.FAILED;
      }
    }

    private Job awaitEnd(ControlApi control, Job started, ProgressLine line)
        throws InterruptedException {
      String id = started.id();
      Job job = started;
      try (IfInterrupted interrupted =
          new IfInterrupted(
              line,
              spec.commandLine().getErr(),
              () ->
                  "warm: goes on in the agent; \"larder jobs\" shows it, \"larder jobs --cancel "
                      + id
                      + "\" stops it")) {
        while (!isOver(job)) {
          line.show(job.doneBytes(), job.bytes(), job.doneFiles() + "/" + job.files() + " files");
          Thread.sleep(POLL_MILLIS);
          job =
              control
                  .job(id)
                  .orElseThrow(() ->
                      new LarderException(
                          ErrorCode.CLOSED,
                          "the agent no longer knows job " + id + "; was it restarted?"));
        }
      }
      return job;
    }

    private void print(Job job) {
      PrintWriter out = spec.commandLine().getOut();
      if (output.format == Output.Format.json) {
        Output.json(out, json(job));
      } else {
        out.println(job.id());
      }
    }
  }

  @Command(name = "jobs", description = "List warm-ups at work and recently ended.")
  static final class Jobs implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Option(names = "--cancel", paramLabel = "ID", description = "Stop this job.")
    @Nullable String cancel;

    @Override
    public Integer call() {
      PrintWriter out = spec.commandLine().getOut();
      try (LarderClient client = agent.connect()) {
        List<Job> jobs =
            cancel == null ? client.control().jobs() : List.of(client.control().cancel(cancel));
        switch (output.format) {
          case json -> Output.json(out, jobs.stream().map(CacheCommands::json).toList());
          case quiet -> jobs.forEach(job -> out.println(job.id()));
          case table -> {
            Output.Table table =
                new Output.Table("ID", "STATE", ">FILES", ">DONE", ">SIZE", "SNAPSHOT", "PATH");
            for (Job job : jobs) {
              table.row(
                  job.id(),
                  job.state(),
                  job.doneFiles() + "/" + job.files(),
                  DataSize.human(job.doneBytes()),
                  DataSize.human(job.bytes()),
                  job.snapshot(),
                  job.glob());
            }
            table.print(out);
          }
        }
      }
      return ExitCodes.OK;
    }
  }

  @Command(name = "pin", description = "Keep files in the cache once they are there.")
  static final class PinFiles implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Mixin DatasetFiles files;

    @Mixin TtlOption keep;

    @Override
    public Integer call() {
      PrintWriter out = spec.commandLine().getOut();
      try (LarderClient client = agent.connect()) {
        Pin pin = client.control().pin(files.dataset, files.glob(), keep.ttl());
        switch (output.format) {
          case json -> Output.json(out, json(pin));
          case quiet -> out.println(pin.snapshot() + " " + pin.glob());
          case table ->
              out.printf("pinned %d files, %s%n", pin.files(), DataSize.human(pin.bytes()));
        }
      }
      return ExitCodes.OK;
    }
  }

  @Command(name = "unpin", description = "Let pinned files be evicted again.")
  static final class Unpin implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin AgentOption agent;

    @Parameters(
        index = "0",
        arity = "0..1",
        paramLabel = "DATASET",
        description = "name or name@snapshot; may be left out with --owner: all its pins")
    @Nullable String dataset;

    @Parameters(
        index = "1",
        arity = "0..1",
        paramLabel = "PATH",
        description = "As the pin was made (default: the one of the whole dataset).")
    @Nullable String word;

    @Option(names = "--path", paramLabel = "GLOB", description = "The same as PATH.")
    @Nullable String option;

    @Option(
        names = "--owner",
        paramLabel = "NODE",
        description =
            "Pins of a node that is gone for good, instead of the one that is asked; \"larder pins\""
                + " shows owners.")
    @Nullable String owner;

    @Override
    public Integer call() {
      if (dataset == null && owner == null) {
        throw new ParameterException(spec.commandLine(), "give DATASET or --owner");
      }
      if (owner != null && owner.startsWith("wu-")) {
        throw new ParameterException(
            spec.commandLine(), "what a warm-up keeps ends with it: larder warmup cancel " + owner);
      }
      String glob = DatasetFiles.glob(spec, word, option);
      String named = dataset == null ? "" : dataset;
      try (LarderClient client = agent.connect()) {
        int removed =
            owner == null
                ? client.control().unpin(named, glob)
                : client.control().unpinOf(owner, named, glob);
        if (removed == 0) {
          throw new LarderException(
              ErrorCode.NO_SUCH_PATH,
              "there is no such pin; \"larder pins\" lists them as they were made");
        }
      }
      return ExitCodes.OK;
    }
  }

  @Command(name = "pins", description = "List pins.")
  static final class Pins implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Override
    public Integer call() {
      PrintWriter out = spec.commandLine().getOut();
      try (LarderClient client = agent.connect()) {
        List<Pin> pins = client.control().pins();
        switch (output.format) {
          case json -> Output.json(out, pins.stream().map(CacheCommands::json).toList());
          case quiet -> pins.forEach(pin -> out.println(pin.snapshot() + " " + pin.glob()));
          case table -> {
            Output.Table table =
                new Output.Table("DATASET", "PATH", ">FILES", ">SIZE", "SINCE", "UNTIL", "OWNER");
            for (Pin pin : pins) {
              table.row(
                  pin.snapshot(),
                  pin.glob(),
                  String.valueOf(pin.files()),
                  DataSize.human(pin.bytes()),
                  seconds(pin.createdAt().toString()),
                  pin.expiresAt().map(end -> seconds(end.toString())).orElse("-"),
                  pin.owner());
            }
            table.print(out);
          }
        }
      }
      return ExitCodes.OK;
    }
  }
}
