package dev.larder.coordinator.raft;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Objects;

/**
 * A file beside the tables that says how it was noticed that they, or the log, are not what the
 * group has. While it is there the coordinator does not start. One thread at a time.
 */
final class DivergenceMark {
  private final Path file;

  DivergenceMark(Path tables) {
    this.file = tables.resolveSibling(tables.getFileName() + ".diverged");
  }

  /** Durable when it returns. */
  void set(String how) throws IOException {
    Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
    DurableFiles.write(temporary, how + '\n');
    Files.move(
        temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    DurableFiles.sync(Objects.requireNonNull(file.toAbsolutePath().getParent()));
  }

  /**
   * Returns where nothing was noticed.
   *
   * @throws LarderException STORE_CORRUPT with how it was noticed
   */
  void check() throws IOException {
    if (Files.exists(file)) {
      throw fault(Files.readString(file).strip() + " (noted in " + file + ")");
    }
  }

  static LarderException fault(String how) {
    return new LarderException(
        ErrorCode.STORE_CORRUPT,
        "this coordinator's state is not what the others have: "
            + how
            + "; replace it by a new one (larder coordinators replace; one that is alone: restore a"
            + " backup) and keep its directory until it is known which of them is right");
  }
}
