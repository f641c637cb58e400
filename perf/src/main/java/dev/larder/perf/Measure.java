package dev.larder.perf;

import java.util.function.Consumer;

/** One thing that is measured, with its baseline. Stateless; runs once per call. */
public interface Measure {
  /** Its name on the command line. */
  String name();

  /** One sentence for {@code --list}. */
  String about();

  /**
   * Runs it and hands over figures as they are known.
   *
   * @throws Exception when it could not be measured; a missed goal is no exception
   */
  void run(Bench bench, Consumer<Figure> results) throws Exception;
}
