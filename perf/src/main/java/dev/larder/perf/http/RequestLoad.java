package dev.larder.perf.http;

import dev.larder.perf.Bench;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Many small requests over connections that stay open. */
public interface RequestLoad {

  /**
   * Asks for the paths round robin, as fast as answers come, and returns answers a second.
   *
   * @throws Exception if any answer was not 200 or a connection was lost
   */
  double perSecond(InetSocketAddress server, List<String> paths, Map<String, String> headers)
      throws Exception;

  /** wrk where it is installed, else a client of our own, which takes more of the machine. */
  static RequestLoad find(Bench bench, int connections, int seconds) {
    Optional<Path> wrk = Bench.program("wrk");
    if (wrk.isPresent()) {
      return new WrkLoad(bench, wrk.get(), connections, seconds);
    }
    bench.say("wrk is not installed (Debian: apt-get install wrk): using the harness's own client");
    return new SelectorLoad(connections, seconds);
  }
}
