package dev.larder.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.larder.client.LarderClient;
import dev.larder.protocol.DataSize;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Commands on the nodes of a cluster and its coordinators. */
final class FleetCommands {
  private static final long POLL_MILLIS = 500;
  private static final long STUCK_NANOS = TimeUnit.SECONDS.toNanos(30);

  private FleetCommands() {}

  @Command(name = "nodes", description = "List the nodes of the cluster.")
  static final class Nodes implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Override
    public Integer call() {
      PrintWriter out = spec.commandLine().getOut();
      try (LarderClient client = agent.connect()) {
        String text = client.control().nodesJson();
        JsonNode answer = Output.parse(text);
        if (answer.path("stale").asBoolean()) {
          spec.commandLine()
              .getErr()
              .println("note: the coordinators do not answer; this is the last list this node has");
        }
        JsonNode nodes = answer.path("nodes");
        switch (output.format) {
          case json -> Output.jsonText(out, text);
          case quiet -> nodes.forEach(node -> out.println(node.path("id").asText()));
          case table -> print(out, nodes);
        }
      }
      return ExitCodes.OK;
    }

    private static void print(PrintWriter out, JsonNode nodes) {
      Output.Table table =
          new Output.Table(
              "NODE", "STATE", "ZONE", "ADDRESS", ">USED", ">CAPACITY", ">WEIGHT", "SEEN");
      for (JsonNode node : nodes) {
        table.row(
            node.path("id").asText(),
            state(node),
            node.path("zone").asText(),
            node.path("address").asText(),
            node.path("usedBytes").isNumber()
                ? DataSize.human(node.path("usedBytes").asLong())
                : "-",
            DataSize.human(node.path("capacityBytes").asLong()),
            String.valueOf(node.path("weight").asLong()),
            node.path("lastSeen").asText("-"));
      }
      table.print(out);
    }
  }

  /** What a node that drains has left to hand over, and why it does not get on. */
  private static String state(JsonNode node) {
    String state = node.path("state").asText();
    JsonNode left = node.path("handOver");
    if (!state.equals("draining") || left.isMissingNode()) {
      return state;
    }
    if (left.path("done").asBoolean()) {
      return "drained";
    }
    String error = left.path("error").asText("");
    return "draining, %d of %d pins and %d of %d warm-ups left%s"
        .formatted(
            left.path("pinsLeft").asLong(),
            left.path("pins").asLong(),
            left.path("warmUpsLeft").asLong(),
            left.path("warmUps").asLong(),
            error.isEmpty() ? "" : ": " + error);
  }

  @Command(
      name = "node",
      description = "Take a node out of the cluster.",
      subcommands = {Drain.class, Remove.class})
  static final class Node implements Runnable {
    @Spec CommandSpec spec;

    @Override
    public void run() {
      throw new ParameterException(spec.commandLine(), "a command is missing");
    }
  }

  @Command(
      name = "drain",
      description =
          "Have a node track nothing any more and hand over what it keeps; it goes on reading until"
              + " it is stopped.")
  static final class Drain implements Callable<Integer> {
    @Mixin AgentOption agent;

    @Parameters(index = "0", paramLabel = "ID", description = "see \"larder nodes\"")
    String id;

    @Option(names = "--undo", description = "Let it track again.")
    boolean undo;

    @Option(names = "--wait", description = "Return when it has handed over all it keeps.")
    boolean wait;

    @Spec CommandSpec spec;

    @Override
    public Integer call() throws InterruptedException {
      if (undo && wait) {
        throw new ParameterException(spec.commandLine(), "give --undo or --wait, not both");
      }
      try (LarderClient client = agent.connect()) {
        client.control().drainNode(id, undo);
        return wait ? awaitHandOver(client) : ExitCodes.OK;
      }
    }

    private Integer awaitHandOver(LarderClient client) throws InterruptedException {
      long stuckSince = System.nanoTime();
      try (ProgressLine line = new ProgressLine("drain " + id, spec.commandLine().getErr())) {
        while (true) {
          JsonNode node = node(client);
          if (node.isMissingNode()) {
            throw new LarderException(ErrorCode.BAD_REQUEST, "there is no member \"" + id + "\"");
          }
          JsonNode handOver = node.path("handOver");
          if (handOver.path("done").asBoolean()) {
            line.close();
            spec.commandLine().getErr().println(id + " is drained: it keeps nothing for others");
            return ExitCodes.OK;
          }
          String error = handOver.path("error").asText("");
          if (error.isEmpty()) {
            stuckSince = System.nanoTime();
          } else if (System.nanoTime() - stuckSince > STUCK_NANOS) {
            line.close();
            spec.commandLine().getErr().println("it does not get on: " + error);
            return ExitCodes.FAILED;
          }
          line.show(0, 0, state(node));
          Thread.sleep(POLL_MILLIS);
        }
      }
    }

    private JsonNode node(LarderClient client) {
      for (JsonNode node : Output.parse(client.control().nodesJson()).path("nodes")) {
        if (node.path("id").asText().equals(id)) {
          return node;
        }
      }
      return MissingNode.getInstance();
    }
  }

  @Command(
      name = "remove",
      description = "Take a node that is gone from the list at once; one that runs joins again.")
  static final class Remove implements Callable<Integer> {
    @Mixin AgentOption agent;

    @Parameters(index = "0", paramLabel = "ID", description = "see \"larder nodes\"")
    String id;

    @Override
    public Integer call() {
      try (LarderClient client = agent.connect()) {
        client.control().removeNode(id);
      }
      return ExitCodes.OK;
    }
  }

  @Command(
      name = "coordinators",
      description = "Look at the coordinators, and replace a dead one.",
      subcommands = {ListCoordinators.class, Replace.class})
  static final class Coordinators implements Runnable {
    @Spec CommandSpec spec;

    @Override
    public void run() {
      throw new ParameterException(spec.commandLine(), "a command is missing");
    }
  }

  /** A live follower answers its leader several times a second. */
  private static final long SILENT_MILLIS = 3_000;

  private static String role(JsonNode one, boolean hasLeader) {
    if (one.path("leader").asBoolean()) {
      return "leader";
    }
    JsonNode silent = one.path("silentMillis");
    if (silent.isNumber()) {
      return silent.asLong() > SILENT_MILLIS ? "silent" : hasLeader ? "follower" : "no leader";
    }
    return hasLeader ? "follower" : "unknown";
  }

  /** The one inside of {@code larder dev}: its doors are for that process alone. */
  private static boolean isEmbedded(JsonNode one) {
    return one.path("address").asText().isEmpty()
        && one.path("raftAddress").asText().endsWith(":0");
  }

  private static void print(PrintWriter out, Output output, String text) {
    JsonNode all = Output.parse(text).path("coordinators");
    switch (output.format) {
      case json -> Output.jsonText(out, text);
      case quiet -> all.forEach(one -> out.println(one.path("id").asText()));
      case table -> {
        Output.Table table =
            new Output.Table("COORDINATOR", "ROLE", "DOOR", "RAFT", ">HEARD", ">ENTRY");
        boolean hasLeader = false;
        for (JsonNode one : all) {
          hasLeader |= one.path("leader").asBoolean();
        }
        for (JsonNode one : all) {
          JsonNode silent = one.path("silentMillis");
          table.row(
              one.path("id").asText(),
              role(one, hasLeader),
              isEmbedded(one) ? "embedded" : one.path("address").asText(),
              isEmbedded(one) ? "-" : one.path("raftAddress").asText(),
              silent.isNumber() ? silent.asLong() + " ms ago" : "-",
              one.path("lastIndex").isNumber() ? one.path("lastIndex").asText() : "-");
        }
        table.print(out);
      }
    }
  }

  @Command(name = "list", description = "List the coordinators.")
  static final class ListCoordinators implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Override
    public Integer call() {
      try (LarderClient client = agent.connect()) {
        print(spec.commandLine().getOut(), output, client.control().coordinatorsJson());
      }
      return ExitCodes.OK;
    }
  }

  @Command(
      name = "replace",
      description =
          "Put a new coordinator in another's place; it must run with coordinator.join: true.")
  static final class Replace implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Parameters(index = "0", paramLabel = "OLD", description = "id of the one to go")
    String old;

    @Parameters(
        index = "1",
        paramLabel = "NEW=HOST:PORT",
        description = "id of the one to come and where its Raft door is")
    String fresh;

    @Override
    public Integer call() {
      int equals = fresh.indexOf('=');
      if (equals < 1) {
        throw new LarderException(
            ErrorCode.BAD_REQUEST, "the new coordinator must be given as ID=HOST:PORT");
      }
      try (LarderClient client = agent.connect()) {
        String text =
            client
                .control()
                .replaceCoordinator(old, fresh.substring(0, equals), fresh.substring(equals + 1));
        print(spec.commandLine().getOut(), output, text);
      }
      return ExitCodes.OK;
    }
  }
}
