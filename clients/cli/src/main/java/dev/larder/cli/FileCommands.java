package dev.larder.cli;

import dev.larder.client.DownloadRequest;
import dev.larder.client.LarderClient;
import dev.larder.client.LarderClient.DownloadResult;
import dev.larder.client.RemoteEntry;
import dev.larder.protocol.DataSize;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Commands on files: ls, stat, cat, get. */
final class FileCommands {
  private static final int COPY_BYTES = 1 << 20;

  private FileCommands() {}

  /** Splits {@code name[@n][:path]} or {@code name/path} given as one word; two words stay two. */
  static String cleanPath(String path) {
    String clean = path.startsWith("/") ? path.substring(1) : path;
    return clean.endsWith("/") ? clean.substring(0, clean.length() - 1) : clean;
  }

  private static Map<String, Object> json(RemoteEntry entry) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("path", entry.path());
    fields.put("type", entry.type().name().toLowerCase(Locale.ROOT));
    fields.put("size", entry.sizeBytes());
    fields.put("mtime", entry.mtime().toString());
    entry.key().ifPresent(key -> fields.put("key", key));
    entry.linkTarget().ifPresent(target -> fields.put("target", target));
    return fields;
  }

  @Command(name = "ls", description = "List a directory of a dataset.")
  static final class Ls implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Parameters(index = "0", paramLabel = "DATASET", description = "name or name@snapshot")
    String dataset;

    @Parameters(index = "1", arity = "0..1", defaultValue = "", paramLabel = "PATH")
    String path;

    @Option(
        names = {"-r", "--recursive"},
        description = "All files below; PATH may be a glob.")
    boolean recursive;

    @Override
    public Integer call() {
      PrintWriter out = spec.commandLine().getOut();
      try (LarderClient client = agent.connect()) {
        if (recursive) {
          try (LarderClient.EntryStream entries = client.walk(dataset, cleanPath(path))) {
            print(out, entries, true);
          }
        } else {
          RemoteEntry at = client.stat(dataset, cleanPath(path));
          print(
              out,
              at.type() == RemoteEntry.Type.DIRECTORY
                  ? client.list(at.snapshot(), cleanPath(path))
                  : List.of(at).iterator(),
              false);
        }
      }
      return ExitCodes.OK;
    }

    private void print(PrintWriter out, Iterator<RemoteEntry> entries, boolean fullPath) {
      switch (output.format) {
        case quiet ->
            entries.forEachRemaining(e -> out.println(Output.printable(name(e, fullPath))));
        case json -> {
          List<Map<String, Object>> all = new ArrayList<>();
          entries.forEachRemaining(e -> all.add(json(e)));
          Output.json(out, all);
        }
        case table -> {
          // Rows are printed as they come: a listing may have millions.
          entries.forEachRemaining(e ->
              out.printf(
                  Locale.ROOT,
                  "%-9s %10s  %s  %s%n",
                  e.type().name().toLowerCase(Locale.ROOT),
                  e.type() == RemoteEntry.Type.FILE ? DataSize.human(e.sizeBytes()) : "-",
                  e.mtime().truncatedTo(java.time.temporal.ChronoUnit.SECONDS),
                  Output.printable(name(e, fullPath))
                      + e.linkTarget().map(t -> " -> " + Output.printable(t)).orElse("")));
        }
      }
    }

    private static String name(RemoteEntry entry, boolean fullPath) {
      String name = fullPath ? entry.path() : entry.name();
      return entry.type() == RemoteEntry.Type.DIRECTORY ? name + "/" : name;
    }
  }

  @Command(name = "stat", description = "Show one file: size, key, origin, whether it is local.")
  static final class Stat implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Parameters(index = "0", paramLabel = "DATASET", description = "name or name@snapshot")
    String dataset;

    @Parameters(index = "1", arity = "0..1", defaultValue = "", paramLabel = "PATH")
    String path;

    @Override
    public Integer call() {
      PrintWriter out = spec.commandLine().getOut();
      try (LarderClient client = agent.connect()) {
        String text = client.control().statJson(dataset, cleanPath(path));
        switch (output.format) {
          case json -> Output.jsonText(out, text);
          case quiet -> out.println(Output.parse(text).path("key").asText());
          case table -> {
            Output.Table table = new Output.Table("FIELD", "VALUE");
            Output.parse(text)
                .properties()
                .forEach(field ->
                    table.row(
                        field.getKey(),
                        field.getValue().isValueNode()
                            ? field.getValue().asText()
                            : field.getValue().toString()));
            table.print(out);
          }
        }
      }
      return ExitCodes.OK;
    }
  }

  @Command(name = "cat", description = "Write files to standard output.")
  static final class Cat implements Callable<Integer> {
    @Mixin AgentOption agent;

    @Parameters(index = "0", paramLabel = "DATASET", description = "name or name@snapshot")
    String dataset;

    @Parameters(index = "1..*", arity = "1..*", paramLabel = "PATH")
    List<String> paths;

    @Override
    public Integer call() {
      byte[] buffer = new byte[COPY_BYTES];
      OutputStream out = System.out;
      try (LarderClient client = agent.connect()) {
        for (String path : paths) {
          copy(client, cleanPath(path), out, buffer);
        }
        out.flush();
      } catch (IOException e) {
        // The reader of a pipe left (head, less); that is its right and no fault of ours.
        return ExitCodes.CANCELLED;
      }
      return ExitCodes.OK;
    }

    private void copy(LarderClient client, String path, OutputStream out, byte[] buffer)
        throws IOException {
      try (InputStream in = client.openStream(dataset, path)) {
        int count = in.read(buffer);
        while (count >= 0) {
          out.write(buffer, 0, count);
          if (System.out.checkError()) {
            throw new IOException("standard output was closed");
          }
          count = in.read(buffer);
        }
      }
    }
  }

  @Command(
      name = "get",
      description =
          "Download a file, a directory or what a glob matches; resumes where it stopped.")
  static final class Get implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Output output;
    @Mixin AgentOption agent;

    @Parameters(index = "0", paramLabel = "DATASET", description = "name or name@snapshot")
    String dataset;

    @Parameters(
        index = "1",
        paramLabel = "PATH",
        description = "File, directory or glob; '' is all.")
    String path;

    @Parameters(index = "2", arity = "0..1", defaultValue = ".", paramLabel = "TARGET")
    Path target;

    @Option(
        names = {"-p", "--parallel"},
        defaultValue = "8",
        description = "Files at once (default: 8).")
    int parallel;

    @Option(names = "--overwrite", description = "Replace files that are there with other content.")
    boolean overwrite;

    @Override
    public Integer call() {
      PrintWriter out = spec.commandLine().getOut();
      try (LarderClient client = agent.connect();
          ProgressLine line = new ProgressLine("get", spec.commandLine().getErr())) {
        DownloadResult result =
            client.download(
                new DownloadRequest(
                    dataset,
                    cleanPath(path),
                    target,
                    parallel,
                    overwrite,
                    p ->
                        line.show(
                            p.doneBytes(),
                            p.totalBytes(),
                            p.doneFiles() + "/" + p.totalFiles() + " files")));
        if (result.files().isEmpty()) {
          throw new LarderException(
              ErrorCode.NO_SUCH_PATH, "nothing in " + dataset + " matches \"" + path + "\"");
        }
        if (output.format == Output.Format.table) {
          line.finish(
              "%d files, %s (%d were there already)"
                  .formatted(
                      result.files().size(),
                      DataSize.human(result.bytes()),
                      result.skippedFiles()));
        }
        print(out, result);
      }
      return ExitCodes.OK;
    }

    private void print(PrintWriter out, DownloadResult result) {
      switch (output.format) {
        case quiet -> result.files().forEach(file -> out.println(target.resolve(file)));
        case json ->
            Output.json(
                out,
                Map.of(
                    "target", target.toString(),
                    "files", result.files().stream().map(Path::toString).toList(),
                    "bytes", result.bytes(),
                    "transferredBytes", result.transferredBytes(),
                    "skippedFiles", result.skippedFiles()));
        case table -> {
          if (result.files().size() == 1) {
            out.println(target.resolve(result.files().getFirst()));
          }
        }
      }
    }
  }
}
