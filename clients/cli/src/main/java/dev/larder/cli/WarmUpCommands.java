package dev.larder.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.client.Control.ControlApi;
import dev.larder.client.LarderClient;
import dev.larder.protocol.DataSize;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Warm-ups over nodes: warmups, warmup cancel, and what {@code warm --nodes} does. */
final class WarmUpCommands {
  private static final long POLL_MILLIS = 500;

  /** Between the two looks that tell a rate; nodes tell how far they are each second. */
  private static final long PACE_MILLIS = 2_000;

  /** A leader that is lost is replaced within some seconds. */
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private static final int NODES_SHOWN = 3;

  private WarmUpCommands() {}

  /** Bytes of all nodes. */
  private record Sums(long present, long wanted, long filesWanted, int ready, int failed, int all) {
    static Sums of(JsonNode warmUp) {
      long present = 0;
      long wanted = 0;
      long files = 0;
      int ready = 0;
      int failed = 0;
      int all = 0;
      for (JsonNode node : warmUp.path("nodes")) {
        present += node.path("bytes").asLong();
        wanted += node.path("bytesWanted").asLong();
        files += node.path("filesWanted").asLong();
        ready += node.path("state").asText().equals("ready") ? 1 : 0;
        failed += node.path("state").asText().equals("failed") ? 1 : 0;
        all++;
      }
      return new Sums(present, wanted, files, ready, failed, all);
    }

    boolean isSettled() {
      return ready + failed == all;
    }
  }

  /** Starts a warm-up and, where asked, waits until each node has it or failed. */
  static int start(
      CommandSpec spec,
      LarderClient client,
      Output output,
      DatasetFiles files,
      String nodes,
      Duration ttl,
      boolean wait)
      throws InterruptedException {
    ControlApi control = client.control();
    String text = control.startWarmUp(files.dataset, files.glob(), nodes, ttl);
    JsonNode started = Output.parse(text);
    String id = started.path("id").asText();
    if (wait) {
      return await(spec, control, output, id, files.glob());
    }
    print(spec.commandLine().getOut(), output, id, text);
    return ExitCodes.OK;
  }

  private static int await(
      CommandSpec spec, ControlApi control, Output output, String id, String glob)
      throws InterruptedException {
    PrintWriter err = spec.commandLine().getErr();
    try (ProgressLine line = new ProgressLine("warm " + id, err)) {
      JsonNode last;
      try (IfInterrupted interrupted =
          new IfInterrupted(
              line,
              err,
              () ->
                  "warm: goes on; \"larder warmups\" shows it, \"larder warmup cancel "
                      + id
                      + "\" ends it")) {
        last = settled(control, id, line);
      }
      Sums sums = Sums.of(last);
      line.show(sums.present(), sums.wanted(), "");
      if (output.format == Output.Format.table) {
        line.finish(
            "%s, %d of %d nodes ready, %s"
                .formatted(
                    last.path("state").asText(),
                    sums.ready(),
                    sums.all(),
                    DataSize.human(sums.present())));
      } else {
        print(spec.commandLine().getOut(), output, id, last.toString());
      }
      return exitCode(last, sums, glob, err);
    }
  }

  /** Asks until nothing more is to be expected soon. */
  private static JsonNode settled(ControlApi control, String id, ProgressLine line)
      throws InterruptedException {
    long heard = System.nanoTime();
    while (true) {
      try {
        JsonNode now = Output.parse(control.warmUpJson(id));
        heard = System.nanoTime();
        Sums sums = Sums.of(now);
        boolean isOver = !now.path("endedAt").isNull() && !now.path("endedAt").isMissingNode();
        if (isOver || sums.isSettled()) {
          return now;
        }
        line.show(sums.present(), sums.wanted(), note(now, sums));
      } catch (LarderException e) {
        boolean passes =
            e.code() == ErrorCode.COORDINATOR_UNAVAILABLE || e.code() == ErrorCode.DEADLINE;
        if (!passes || System.nanoTime() - heard > PATIENCE.toNanos()) {
          throw e;
        }
        line.show(0, 0, "the coordinator does not answer");
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  /** How many are done, and the first of those that are not. */
  private static String note(JsonNode warmUp, Sums sums) {
    List<String> behind = new ArrayList<>();
    for (JsonNode node : warmUp.path("nodes")) {
      if (!node.path("state").asText().equals("ready") && behind.size() < NODES_SHOWN) {
        behind.add(
            node.path("node").asText()
                + " "
                + DataSize.human(node.path("bytes").asLong())
                + "/"
                + DataSize.human(node.path("bytesWanted").asLong()));
      }
    }
    return sums.ready() + "/" + sums.all() + " nodes  " + String.join("  ", behind);
  }

  private static int exitCode(JsonNode last, Sums sums, String glob, PrintWriter err) {
    String state = last.path("state").asText();
    if (state.equals("cancelled") || state.equals("expired")) {
      err.println("the warm-up is " + state);
      return ExitCodes.FAILED;
    }
    if (sums.all() == 0) {
      err.println(
          "no node is \"" + last.path("selector").asText() + "\" now; the warm-up stands for one");
      return ExitCodes.NOT_FOUND;
    }
    Optional<Integer> worst = Optional.empty();
    for (JsonNode node : last.path("nodes")) {
      if (node.path("state").asText().equals("failed")) {
        String error = node.path("error").asText();
        err.println(node.path("node").asText() + ": " + error + " (it is tried again)");
        worst = Optional.of(worst.orElse(codeOf(error)));
      }
    }
    if (worst.isPresent()) {
      return worst.get();
    }
    if (sums.filesWanted() == 0 && !glob.isEmpty()) {
      throw new LarderException(
          ErrorCode.NO_SUCH_PATH,
          "nothing in " + last.path("snapshot").asText() + " matches \"" + glob + "\"");
    }
    return ExitCodes.OK;
  }

  /** A reason begins with its error code. */
  private static int codeOf(String error) {
    String word = error.substring(0, Math.max(0, error.indexOf(':')));
    for (ErrorCode code : ErrorCode.values()) {
      if (code.name().equals(word.toUpperCase(Locale.ROOT))) {
        return ExitCodes.of(code);
      }
    }
    return ExitCodes.FAILED;
  }

  private static void print(PrintWriter out, Output output, String id, String json) {
    if (output.format == Output.Format.json) {
      Output.jsonText(out, json);
    } else {
      out.println(id);
    }
  }

  @Command(name = "warmups", description = "List warm-ups over nodes and how far the nodes are.")
  static final class WarmUps implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Parameters(
        index = "0",
        arity = "0..1",
        paramLabel = "ID",
        description = "Only this one, node by node.")
    String id = "";

    @Override
    public Integer call() throws InterruptedException {
      PrintWriter out = spec.commandLine().getOut();
      try (LarderClient client = agent.connect()) {
        ControlApi control = client.control();
        String text = look(control);
        JsonNode json = Output.parse(text);
        switch (output.format) {
          case json -> Output.jsonText(out, text);
          case quiet -> {
            if (id.isEmpty()) {
              json.path("warmUps").forEach(each -> out.println(each.path("id").asText()));
            } else {
              out.println(id);
            }
          }
          case table -> {
            JsonNode now = json;
            Duration between = Duration.ZERO;
            if (WarmUpPace.isMoving(json)) {
              long began = System.nanoTime();
              Thread.sleep(PACE_MILLIS);
              now = Output.parse(look(control));
              between = Duration.ofNanos(System.nanoTime() - began);
            }
            WarmUpPace pace = new WarmUpPace(json, now, between);
            if (id.isEmpty()) {
              all(now.path("warmUps"), pace).print(out);
            } else {
              nodes(now, pace).print(out);
            }
          }
        }
      }
      return ExitCodes.OK;
    }

    private String look(ControlApi control) {
      return id.isEmpty() ? control.warmUpsJson() : control.warmUpJson(id);
    }

    private static Output.Table all(JsonNode warmUps, WarmUpPace pace) {
      Output.Table table =
          new Output.Table(
              "ID",
              "STATE",
              ">NODES",
              ">PRESENT",
              ">WANTED",
              ">RATE",
              ">LEFT",
              "SELECTOR",
              "UNTIL",
              "SNAPSHOT",
              "PATH");
      for (JsonNode each : warmUps) {
        Sums sums = Sums.of(each);
        table.row(
            each.path("id").asText(),
            each.path("state").asText(),
            sums.ready() + "/" + sums.all(),
            DataSize.human(sums.present()),
            DataSize.human(sums.wanted()),
            pace.rate(each.path("id").asText(), ""),
            pace.left(each.path("id").asText(), ""),
            each.path("selector").asText(),
            CacheCommands.seconds(each.path("expiresAt").asText("-")),
            each.path("snapshot").asText(),
            each.path("glob").asText());
      }
      return table;
    }

    private static Output.Table nodes(JsonNode warmUp, WarmUpPace pace) {
      Output.Table table =
          new Output.Table(
              "NODE", "STATE", ">FILES", ">PRESENT", ">WANTED", ">RATE", ">LEFT", "ERROR");
      String id = warmUp.path("id").asText();
      for (JsonNode node : warmUp.path("nodes")) {
        String name = node.path("node").asText();
        table.row(
            name,
            node.path("state").asText(),
            node.path("files").asLong() + "/" + node.path("filesWanted").asLong(),
            DataSize.human(node.path("bytes").asLong()),
            DataSize.human(node.path("bytesWanted").asLong()),
            pace.rate(id, name),
            pace.left(id, name),
            node.path("error").asText(""));
      }
      return table;
    }
  }

  @Command(
      name = "warmup",
      description = "End a warm-up over nodes.",
      subcommands = {Cancel.class})
  static final class WarmUp implements Runnable {
    @Spec CommandSpec spec;

    @Override
    public void run() {
      throw new ParameterException(spec.commandLine(), "a command is missing");
    }
  }

  @Command(
      name = "cancel",
      description = "Have nodes no longer see to a warm-up; what was brought in may be evicted.")
  static final class Cancel implements Callable<Integer> {
    @Mixin AgentOption agent;

    @Parameters(index = "0", paramLabel = "ID", description = "see \"larder warmups\"")
    String id;

    @Override
    public Integer call() {
      try (LarderClient client = agent.connect()) {
        client.control().cancelWarmUp(id);
      }
      return ExitCodes.OK;
    }
  }
}
