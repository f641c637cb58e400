package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Measure;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.function.Consumer;

/** A measure of mounts: where this host or user cannot mount, it says so and has no figure. */
abstract class MountMeasure implements Measure {
  private final String name;
  private final String about;

  MountMeasure(String name, String about) {
    this.name = name;
    this.about = about;
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final String about() {
    return about;
  }

  @Override
  public final void run(Bench bench, Consumer<Figure> results) throws Exception {
    if (!"root".equals(System.getProperty("user.name"))) {
      bench.say("  " + name + " is left out: kernel mounts need root");
      return;
    }
    try {
      measure(bench, results);
    } catch (LarderException e) {
      if (e.code() != ErrorCode.UNSUPPORTED) {
        throw e;
      }
      bench.say("  " + name + " is left out: " + e.getMessage());
    }
  }

  abstract void measure(Bench bench, Consumer<Figure> results) throws Exception;
}
