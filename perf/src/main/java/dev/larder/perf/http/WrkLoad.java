package dev.larder.perf.http;

import dev.larder.perf.Bench;
import dev.larder.perf.process.ChildProcess;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;

/** {@link RequestLoad} by wrk. */
final class WrkLoad implements RequestLoad {
  private static final String RESULT = "RESULT ";

  private final Bench bench;
  private final Path program;
  private final int connections;
  private final int seconds;

  WrkLoad(Bench bench, Path program, int connections, int seconds) {
    this.bench = bench;
    this.program = program;
    this.connections = connections;
    this.seconds = seconds;
  }

  @Override
  public double perSecond(InetSocketAddress server, List<String> paths, Map<String, String> headers)
      throws Exception {
    // In a file of its owner's, because a token in arguments is seen by everybody on the host.
    Path script =
        Files.createTempFile(
            bench.work(),
            "wrk",
            ".lua",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      Files.writeString(script, script(paths, headers));
      ChildProcess wrk =
          bench
              .children()
              .start(
                  "wrk",
                  List.of(
                      program.toString(),
                      "-t1",
                      "-c" + connections,
                      "-d" + seconds + "s",
                      // Slow is not failed; only the answers count.
                      "--timeout",
                      "30s",
                      "-s",
                      script.toString(),
                      "http://" + server.getHostString() + ":" + server.getPort()),
                  Map.of());
      String line = "";
      while (!line.startsWith(RESULT)) {
        line = wrk.line(seconds + 20L);
      }
      wrk.awaitSuccess(20);
      return perSecond(line.substring(RESULT.length()).split(" ", -1));
    } finally {
      Files.delete(script);
    }
  }

  private static double perSecond(String[] fields) throws IOException {
    long requests = Long.parseLong(fields[0]);
    double micros = Double.parseDouble(fields[1]);
    long errors = Long.parseLong(fields[2]);
    if (errors > 0 || requests == 0) {
      throw new IOException(errors + " of " + requests + " requests of wrk failed");
    }
    return requests / (micros / 1e6);
  }

  private static String script(List<String> paths, Map<String, String> headers) {
    StringBuilder lua = new StringBuilder("local paths = {\n");
    paths.forEach(path -> lua.append("  \"").append(path).append("\",\n"));
    lua.append("}\n");
    headers.forEach(
        (name, value) -> lua.append("wrk.headers[\"%s\"] = \"%s\"%n".formatted(name, value)));
    return lua.append(
            """
            local requests = {}
            local at = 0
            function init(args)
              for i, path in ipairs(paths) do requests[i] = wrk.format("GET", path) end
            end
            function request()
              at = at % #requests + 1
              return requests[at]
            end
            function done(summary, latency, requests)
              local e = summary.errors
              io.write(string.format("RESULT %d %d %d\\n", summary.requests, summary.duration,
                e.connect + e.read + e.write + e.status + e.timeout))
            end
            """)
        .toString();
  }
}
