package dev.larder.perf.jmh;

import java.util.ArrayList;
import java.util.List;

/** {@code perf/run jmh}: JMH's own command line, with the allocation profiler on. */
public final class JmhMain {
  private JmhMain() {}

  public static void main(String[] arguments) throws Exception {
    List<String> all = new ArrayList<>(List.of(arguments));
    if (!all.contains("-prof")) {
      all.add("-prof");
      all.add("gc");
    }
    org.openjdk.jmh.Main.main(all.toArray(String[]::new));
  }
}
