package dev.larder.cli;

import dev.larder.client.Control.Dataset;
import dev.larder.client.Control.Snapshot;
import dev.larder.client.LarderClient;
import dev.larder.protocol.DataSize;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import java.io.PrintWriter;
import java.nio.file.Path;
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

/** {@code larder dataset …}. */
@Command(
    name = "dataset",
    description = "Define, list, refresh and forget datasets.",
    subcommands = {
      DatasetCommands.Create.class,
      DatasetCommands.ListAll.class,
      DatasetCommands.Show.class,
      DatasetCommands.Refresh.class,
      DatasetCommands.Delete.class
    })
final class DatasetCommands {

  private static Map<String, Object> json(Dataset dataset) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("name", dataset.name());
    fields.put("uri", dataset.uri());
    fields.put("options", dataset.options());
    fields.put("createdAt", dataset.createdAt().toString());
    fields.put("snapshots", dataset.snapshots().stream().map(DatasetCommands::json).toList());
    return fields;
  }

  private static Map<String, Object> json(Snapshot snapshot) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("number", snapshot.number());
    fields.put("catalog", snapshot.catalog());
    fields.put("files", snapshot.files());
    fields.put("bytes", snapshot.bytes());
    fields.put("skipped", snapshot.skipped());
    fields.put("listedFrom", snapshot.listedFrom().toString());
    fields.put("listedTo", snapshot.listedTo().toString());
    return fields;
  }

  /** The newest snapshot as one line, with what had to be left out. */
  private static void printOutcome(PrintWriter out, Output output, Dataset dataset) {
    Snapshot newest = dataset.snapshots().getLast();
    switch (output.format) {
      case json -> Output.json(out, json(dataset));
      case quiet -> out.println(dataset.name() + "@" + newest.number());
      case table -> {
        out.printf(
            "%s@%d: %d files, %s%n",
            dataset.name(), newest.number(), newest.files(), DataSize.human(newest.bytes()));
        if (newest.skipped() > 0) {
          out.printf(
              "%d entries were left out; the agent's log says which and why%n", newest.skipped());
        }
      }
    }
  }

  @Command(name = "create", description = "Define a dataset and list its origin.")
  static final class Create implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Parameters(index = "0", paramLabel = "NAME", description = "a-z, 0-9 and inner '-'")
    String name;

    @Parameters(
        index = "1",
        paramLabel = "URI",
        description =
            "s3://bucket/prefix, az://account/container/prefix, https://host/file, file:///directory or"
                + " a directory's path")
    String uri;

    @Option(
        names = {"-O", "--option"},
        paramLabel = "KEY=VALUE",
        description =
            "Origin option, may be repeated: endpoint, region, path-style, versions, credentials, …"
                + " (see cache-node/origin/README.md)")
    Map<String, String> options = new LinkedHashMap<>();

    @Option(names = "--endpoint", description = "Same as -O endpoint=URL.")
    @Nullable String endpoint;

    @Option(names = "--region", description = "Same as -O region=NAME.")
    @Nullable String region;

    @Option(names = "--path-style", description = "Same as -O path-style=true.")
    boolean pathStyle;

    @Option(names = "--anonymous", description = "Same as -O credentials=anonymous.")
    boolean anonymous;

    @Override
    public Integer call() {
      new DatasetName(name);
      Map<String, String> all = new LinkedHashMap<>(options);
      if (endpoint != null) {
        all.put("endpoint", endpoint);
      }
      if (region != null) {
        all.put("region", region);
      }
      if (pathStyle) {
        all.put("path-style", "true");
      }
      if (anonymous) {
        all.put("credentials", "anonymous");
      }
      try (LarderClient client = agent.connect();
          ProgressLine line = new ProgressLine("listing", spec.commandLine().getErr())) {
        Dataset dataset =
            client
                .control()
                .create(
                    name,
                    originUri(uri),
                    all,
                    (objects, bytes) -> line.show(bytes, 0, objects + " objects"));
        line.close();
        printOutcome(spec.commandLine().getOut(), output, dataset);
      }
      return ExitCodes.OK;
    }

    /** The agent has another working directory, so a relative path is made absolute here. */
    static String originUri(String text) {
      if (text.isBlank()) {
        throw new LarderException(ErrorCode.BAD_ORIGIN, "the origin's URI is empty");
      }
      boolean hasScheme = text.matches("[A-Za-z][A-Za-z0-9+.-]*:.*");
      return hasScheme ? text : Path.of(text).toAbsolutePath().normalize().toUri().toString();
    }
  }

  @Command(name = "list", description = "List all datasets.")
  static final class ListAll implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Override
    public Integer call() {
      PrintWriter out = spec.commandLine().getOut();
      try (LarderClient client = agent.connect()) {
        List<Dataset> datasets = client.control().datasets();
        switch (output.format) {
          case json -> Output.json(out, datasets.stream().map(DatasetCommands::json).toList());
          case quiet -> datasets.forEach(d -> out.println(d.name()));
          case table -> {
            Output.Table table =
                new Output.Table("NAME", ">SNAPSHOT", ">FILES", ">SIZE", "LISTED", "ORIGIN");
            for (Dataset d : datasets) {
              Snapshot newest = d.snapshots().getLast();
              table.row(
                  d.name(),
                  String.valueOf(newest.number()),
                  String.valueOf(newest.files()),
                  DataSize.human(newest.bytes()),
                  newest.listedTo().truncatedTo(java.time.temporal.ChronoUnit.SECONDS).toString(),
                  d.uri());
            }
            table.print(out);
          }
        }
      }
      return ExitCodes.OK;
    }
  }

  @Command(name = "show", description = "Show one dataset and its snapshots.")
  static final class Show implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Parameters(index = "0", paramLabel = "NAME")
    String name;

    @Override
    public Integer call() {
      PrintWriter out = spec.commandLine().getOut();
      try (LarderClient client = agent.connect()) {
        Dataset dataset = client.control().dataset(name);
        switch (output.format) {
          case json -> Output.json(out, json(dataset));
          case quiet ->
              dataset.snapshots().forEach(s -> out.println(dataset.name() + "@" + s.number()));
          case table -> {
            out.println("name     " + dataset.name());
            out.println("origin   " + Output.printable(dataset.uri()));
            dataset.options().forEach((key, value) -> out.println("option   " + key + "=" + value));
            out.println("created  " + dataset.createdAt());
            out.println();
            Output.Table table =
                new Output.Table(">SNAPSHOT", ">FILES", ">SIZE", ">LEFT OUT", "LISTED", "CATALOG");
            for (Snapshot s : dataset.snapshots()) {
              table.row(
                  String.valueOf(s.number()),
                  String.valueOf(s.files()),
                  DataSize.human(s.bytes()),
                  String.valueOf(s.skipped()),
                  s.listedTo().truncatedTo(java.time.temporal.ChronoUnit.SECONDS).toString(),
                  s.catalog());
            }
            table.print(out);
          }
        }
      }
      return ExitCodes.OK;
    }
  }

  @Command(name = "refresh", description = "List the origin again; a change makes a new snapshot.")
  static final class Refresh implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Parameters(index = "0", paramLabel = "NAME")
    String name;

    @Override
    public Integer call() {
      try (LarderClient client = agent.connect();
          ProgressLine line = new ProgressLine("listing", spec.commandLine().getErr())) {
        Dataset dataset =
            client
                .control()
                .refresh(name, (objects, bytes) -> line.show(bytes, 0, objects + " objects"));
        line.close();
        printOutcome(spec.commandLine().getOut(), output, dataset);
      }
      return ExitCodes.OK;
    }
  }

  @Command(
      name = "delete",
      description =
          "Forget a dataset with its snapshots, or old snapshots of it; the origin is left alone.")
  static final class Delete implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Parameters(
        index = "0",
        paramLabel = "NAME[@n]",
        description = "The dataset, or one of its snapshots.")
    String name;

    @Option(
        names = "--keep-last",
        paramLabel = "N",
        description = "Only its snapshots but the N newest, and but those pinned or mounted.")
    @Nullable Integer keepLast;

    @Override
    public Integer call() {
      SnapshotRef ref = SnapshotRef.parse(name);
      boolean isSnapshot = ref.snapshot().isPresent();
      if (isSnapshot && keepLast != null) {
        throw new ParameterException(
            spec.commandLine(), "--keep-last goes with a dataset's name, not with " + name);
      }
      try (LarderClient client = agent.connect()) {
        if (isSnapshot) {
          long number = ref.snapshot().getAsLong();
          client.control().deleteSnapshot(ref.dataset().text(), number);
          print(ref.dataset().text(), List.of(number));
        } else if (keepLast != null) {
          print(name, client.control().keepLast(name, keepLast));
        } else {
          client.control().delete(name);
        }
      }
      return ExitCodes.OK;
    }

    private void print(String dataset, List<Long> numbers) {
      PrintWriter out = spec.commandLine().getOut();
      List<String> names = numbers.stream().map(number -> dataset + "@" + number).toList();
      switch (output.format) {
        case json -> Output.json(out, Map.of("deleted", names));
        case quiet -> names.forEach(out::println);
        case table ->
            out.println(
                names.isEmpty() ? "nothing to delete" : "deleted " + String.join(", ", names));
      }
    }
  }
}
