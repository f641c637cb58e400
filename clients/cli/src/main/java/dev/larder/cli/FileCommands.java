package dev.larder.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.client.DownloadRequest;
import dev.larder.client.LarderClient;
import dev.larder.client.LarderClient.DownloadResult;
import dev.larder.client.RemoteEntry;
import dev.larder.protocol.DataSize;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.PathGlob;
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
import java.util.stream.Collectors;
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

  /** Whether a path can only be meant as a glob: it looks like one and nothing is called so. */
  private static boolean isGlobOfNoName(LarderClient client, String dataset, String path) {
    if (!PathGlob.looksLikeGlob(path)) {
      return false;
    }
    try {
      RemoteEntry unused = client.stat(dataset, path);
      return false;
    } catch (LarderException e) {
      if (e.code() == ErrorCode.NO_SUCH_PATH || e.code() == ErrorCode.BAD_REQUEST) {
        return true;
      }
      throw e;
    }
  }

  private static void requireSome(Iterator<RemoteEntry> entries, String dataset, String path) {
    if (!path.isEmpty() && !entries.hasNext()) {
      throw new LarderException(
          ErrorCode.NO_SUCH_PATH, "nothing in " + dataset + " matches \"" + path + "\"");
    }
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

    @Parameters(
        index = "1",
        arity = "0..1",
        defaultValue = "",
        paramLabel = "PATH",
        description = "A file, a directory or a glob (default: the dataset's root).")
    String path;

    @Option(
        names = {"-r", "--recursive"},
        description = "All files below.")
    boolean recursive;

    @Override
    public Integer call() {
      PrintWriter out = spec.commandLine().getOut();
      try (LarderClient client = agent.connect()) {
        if (recursive || isGlobOfNoName(client, dataset, cleanPath(path))) {
          try (LarderClient.EntryStream entries = client.walk(dataset, cleanPath(path))) {
            requireSome(entries, dataset, path);
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
                .forEach(field -> table.row(field.getKey(), shown(field)));
            table.print(out);
          }
        }
      }
      return ExitCodes.OK;
    }
  }

  private static String shown(Map.Entry<String, JsonNode> field) {
    JsonNode value = field.getValue();
    if (value.isObject()) {
      return value.properties().stream()
          .map(inner -> inner.getKey() + " " + shown(inner))
          .collect(Collectors.joining(", "));
    }
    boolean isSize = field.getKey().equals("size") || field.getKey().endsWith("Bytes");
    return isSize && value.isIntegralNumber()
        ? DataSize.human(value.asLong()) + " (" + value.asText() + ")"
        : value.isValueNode() ? value.asText() : value.toString();
  }

  @Command(name = "cat", description = "Write files to standard output.")
  static final class Cat implements Callable<Integer> {
    @Mixin AgentOption agent;

    @Parameters(index = "0", paramLabel = "DATASET", description = "name or name@snapshot")
    String dataset;

    @Parameters(
        index = "1..*",
        arity = "1..*",
        paramLabel = "PATH",
        description = "A file, or a glob: all that it matches, in the order of names.")
    List<String> paths;

    @Override
    public Integer call() {
      byte[] buffer = new byte[COPY_BYTES];
      OutputStream out = System.out;
      try (LarderClient client = agent.connect()) {
        for (String path : paths) {
          String clean = cleanPath(path);
          if (isGlobOfNoName(client, dataset, clean)) {
            copyAll(client, clean, out, buffer);
          } else {
            copy(client, clean, out, buffer);
          }
        }
        out.flush();
      } catch (IOException e) {
        // The reader of a pipe left (head, less); that is its right and no fault of ours.
        return ExitCodes.CANCELLED;
      }
      return ExitCodes.OK;
    }

    private void copyAll(LarderClient client, String glob, OutputStream out, byte[] buffer)
        throws IOException {
      try (LarderClient.EntryStream entries = client.walk(dataset, glob)) {
        requireSome(entries, dataset, glob);
        while (entries.hasNext()) {
          RemoteEntry entry = entries.next();
          if (entry.type() == RemoteEntry.Type.FILE) {
            copy(client, entry.path(), out, buffer);
          }
        }
      }
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

    @Parameters(
        index = "2",
        arity = "0..1",
        defaultValue = ".",
        paramLabel = "TARGET",
        description =
            "A directory, made if missing (default: the present one). Files keep their whole path"
                + " in the dataset below it.")
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
          ProgressLine line = new ProgressLine("get", spec.commandLine().getErr());
          IfInterrupted interrupted =
              new IfInterrupted(
                  line,
                  spec.commandLine().getErr(),
                  () ->
                      "get: stopped; what came so far stays in "
                          + target
                          + ", and the same command goes on from there")) {
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
              "%d files, %s, of which %s came now (%d files were there already)"
                  .formatted(
                      result.files().size(),
                      DataSize.human(result.bytes()),
                      DataSize.human(result.transferredBytes()),
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
