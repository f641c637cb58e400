package dev.larder.keeper;

import dev.larder.linux.Fd;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** The ledger in its file, replaced at once after each change. Callers take turns. */
final class LedgerFile {
  /** More than any ledger within the bounds has. */
  private static final long BYTES_MAX = 128L << 20;

  private final Path file;

  LedgerFile(Path file) {
    this.file = file;
  }

  /** What was written last; empty when there is nothing that can be read. */
  Ledger load() throws IOException {
    try {
      if (Files.size(file) > BYTES_MAX) {
        return aside("it has " + Files.size(file) + " bytes");
      }
      return Ledger.parse(Files.readString(file));
    } catch (NoSuchFileException e) {
      return new Ledger();
    } catch (Json.JsonException | MalformedInputException e) {
      return aside(String.valueOf(e.getMessage()));
    }
  }

  /** Never deleted: a newer keeper may have written it. */
  private Ledger aside(String why) throws IOException {
    Path aside = file.resolveSibling(file.getFileName() + ".unread");
    Log.error("state cannot be read, set aside as " + aside.getFileName() + ": " + why);
    Files.move(file, aside, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    return new Ledger();
  }

  void save(Ledger ledger) throws IOException {
    Path fresh = file.resolveSibling("." + file.getFileName() + ".new");
    Files.deleteIfExists(fresh);
    // Made with mode 0600. The run directory is gone after a power loss, as the mounts are.
    Fd.open(fresh, Fd.O_RDWR | Fd.O_CREAT | Fd.O_EXCL | Fd.O_NOFOLLOW).close();
    Files.writeString(fresh, ledger.print());
    Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }

  void delete() throws IOException {
    Files.deleteIfExists(file);
  }
}
