package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** Typed access to options; every fault names the key and what is expected. */
final class OptionReader {
  private final OriginOptions options;

  /**
   * @param kind of origin, for the message
   * @param known keys this kind understands
   * @throws LarderException BAD_ORIGIN for any other key
   */
  OptionReader(String kind, OriginOptions options, Set<String> known) {
    this.options = options;
    for (String key : new TreeSet<>(options.values().keySet())) {
      if (!known.contains(key)) {
        throw new LarderException(
            ErrorCode.BAD_ORIGIN,
            "option "
                + key
                + ": unknown for "
                + kind
                + " origins; known: "
                + String.join(", ", new TreeSet<>(known)));
      }
    }
  }

  Optional<String> text(String key) {
    return Optional.ofNullable(options.values().get(key));
  }

  boolean flag(String key) {
    String value = options.values().getOrDefault(key, "false");
    return switch (value) {
      case "true" -> true;
      case "false" -> false;
      default -> throw bad(key, "true or false");
    };
  }

  /** The value is not repeated: options are where people put secrets by mistake. */
  static LarderException bad(String key, String expected) {
    return new LarderException(
        ErrorCode.BAD_ORIGIN, "option " + key + ": its value is not " + expected);
  }
}
