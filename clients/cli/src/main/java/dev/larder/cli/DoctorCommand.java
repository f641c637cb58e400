package dev.larder.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.client.LarderClient;
import dev.larder.protocol.DataSize;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * {@code larder doctor}: checks this host and its agent, and says what to do about each finding.
 */
@Command(name = "doctor", description = "Check this host and the agent, and say what to mend.")
final class DoctorCommand implements Callable<Integer> {
  private static final long FREE_BYTES_WARN = 2L << 30;
  private static final int OPEN_FILES_WARN = 4096;

  @Spec CommandSpec spec;
  @Mixin Output output;
  @Mixin AgentOption agent;

  /** One finding. */
  record Check(String name, String result, String detail) {}

  @Override
  public Integer call() {
    List<Check> checks = new ArrayList<>();
    checks.add(java());
    checks.add(openFiles());
    checks.addAll(MountChecks.all());
    checkAgent(checks);
    PrintWriter out = spec.commandLine().getOut();
    switch (output.format) {
      case json ->
          Output.json(
              out,
              checks.stream()
                  .map(c -> Map.of("check", c.name(), "result", c.result(), "detail", c.detail()))
                  .toList());
      case quiet ->
          checks.stream().filter(c -> !c.result().equals("ok")).forEach(c -> out.println(c.name()));
      case table -> {
        Output.Table table = new Output.Table("CHECK", "RESULT", "DETAIL");
        checks.forEach(c -> table.row(c.name(), c.result(), c.detail()));
        table.print(out);
      }
    }
    boolean failed = checks.stream().anyMatch(c -> c.result().equals("fail"));
    return failed ? ExitCodes.FAILED : ExitCodes.OK;
  }

  private static Check java() {
    int feature = Runtime.version().feature();
    return feature >= 25
        ? new Check("java", "ok", "Java " + Runtime.version())
        : new Check("java", "fail", "Java " + feature + "; the agent needs 25");
  }

  private static Check openFiles() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/limits"))) {
        if (line.startsWith("Max open files")) {
          String soft = line.substring("Max open files".length()).strip().split("\\s+")[0];
          boolean enough = soft.equals("unlimited") || Long.parseLong(soft) >= OPEN_FILES_WARN;
          return new Check(
              "open files",
              enough ? "ok" : "warn",
              enough ? "limit " + soft : "limit " + soft + "; raise it: ulimit -n 65536");
        }
      }
      return new Check("open files", "warn", "no limit found in /proc/self/limits");
    } catch (IOException e) {
      return new Check("open files", "warn", "cannot read /proc/self/limits: " + e.getMessage());
    }
  }

  private void checkAgent(List<Check> checks) {
    try (LarderClient client = agent.connect()) {
      JsonNode status = Output.parse(client.control().statusJson());
      checks.add(
          new Check(
              "agent",
              status.path("ready").asBoolean() ? "ok" : "fail",
              status.path("ready").asBoolean()
                  ? "ready at " + status.path("address").asText()
                  : status.path("reasons").toString()));
      String coordinator = status.path("coordinator").path("state").asText();
      String why = status.path("coordinator").path("problem").asText("");
      String problem = why.isEmpty() ? "" : "; " + why;
      checks.add(
          new Check(
              "coordinator",
              coordinator.equals("ok") ? "ok" : "warn",
              coordinator.equals("ok")
                  ? "ok"
                  : coordinator + ": reads go on, changes wait" + problem));
      checks.add(corrupt(status));
      checks.add(disk(Path.of(status.path("dataDirectory").asText())));
    } catch (LarderException e) {
      checks.add(new Check("agent", "fail", e.toString()));
    }
  }

  private static Check corrupt(JsonNode status) {
    long blocks = status.path("cache").path("corruptBlocks").asLong();
    return blocks == 0
        ? new Check("stored data", "ok", "no damaged block seen since the agent started")
        : new Check(
            "stored data", "warn", blocks + " damaged blocks were set aside: check this disk");
  }

  private static Check disk(Path directory) {
    try {
      FileStore store = Files.getFileStore(directory);
      long free = store.getUsableSpace();
      boolean overlay = store.type().equals("overlay");
      String detail = DataSize.human(free) + " free on " + store.type() + " at " + directory;
      if (overlay) {
        return new Check(
            "disk", "warn", detail + "; put the data directory on a real file system (--data)");
      }
      return new Check("disk", free < FREE_BYTES_WARN ? "warn" : "ok", detail);
    } catch (IOException e) {
      return new Check("disk", "fail", "cannot look at " + directory + ": " + e.getMessage());
    }
  }
}
