package dev.larder.coordinator.raft;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.OptionalLong;

/**
 * A file beside the tables that says from which log entry on they hold what the group does not:
 * applied here, then replaced in the log. It is there from the moment that is noticed until they
 * were rebuilt. One thread at a time.
 */
final class DivergenceMark {
  private final Path file;

  DivergenceMark(Path tables) {
    this.file = tables.resolveSibling(tables.getFileName() + ".diverged");
  }

  /** Durable when it returns; an earlier entry that is noted already stays. */
  void set(long entry) throws IOException {
    OptionalLong known = read();
    if (known.isEmpty() || known.getAsLong() > entry) {
      DurableFiles.write(file, Long.toString(entry));
      DurableFiles.sync(Objects.requireNonNull(file.toAbsolutePath().getParent()));
    }
  }

  /**
   * The first entry that may differ; empty where the tables are good.
   *
   * @throws LarderException STORE_CORRUPT when the file does not hold a number
   */
  OptionalLong read() throws IOException {
    if (!Files.exists(file)) {
      return OptionalLong.empty();
    }
    String text = Files.readString(file);
    try {
      // One torn before its number was written says nothing of where: then all may differ.
      return OptionalLong.of(text.isEmpty() ? 0 : Long.parseLong(text));
    } catch (NumberFormatException e) {
      throw new LarderException(ErrorCode.STORE_CORRUPT, file + " holds no number of an entry", e);
    }
  }

  void clear() throws IOException {
    if (Files.deleteIfExists(file)) {
      DurableFiles.sync(Objects.requireNonNull(file.toAbsolutePath().getParent()));
    }
  }
}
