package dev.larder.perf;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * The command line of {@code perf/run}.
 *
 * @param names measures to run, in the order given; empty: all
 * @param longForm whether to take the long forms
 * @param json JSON lines and no table
 * @param list only list the measures
 */
record Arguments(List<String> names, boolean longForm, boolean json, boolean list) {

  static final String USAGE = "usage: perf/run [NAME…] [--long] [--json] [--list]";

  /**
   * Reads a command line.
   *
   * @param known names of all measures
   * @throws IllegalArgumentException for an unknown option or name; the message is for people
   */
  static Arguments parse(List<String> arguments, Collection<String> known) {
    List<String> names = new ArrayList<>();
    boolean longForm = false;
    boolean json = false;
    boolean list = false;
    for (String argument : arguments) {
      switch (argument) {
        case "--long" -> longForm = true;
        case "--json" -> json = true;
        case "--list" -> list = true;
        default -> {
          if (argument.startsWith("-")) {
            throw new IllegalArgumentException("unknown option " + argument + "\n" + USAGE);
          }
          if (!known.contains(argument)) {
            throw new IllegalArgumentException(
                "no measure \"" + argument + "\"; there are: " + String.join(", ", known));
          }
          names.add(argument);
        }
      }
    }
    return new Arguments(List.copyOf(names), longForm, json, list);
  }
}
