package dev.larder.keeper;

import dev.larder.linux.LinuxException;
import java.io.IOException;
import java.util.function.Function;

/** The ledger of this keeper, in memory and in its file. Any thread. */
final class Book {
  private final LedgerFile file;
  private final Ledger ledger;

  interface Change {
    /**
     * Changes the ledger.
     *
     * @return whether it did
     */
    boolean to(Ledger ledger) throws LinuxException;
  }

  /** Reads the file. */
  Book(LedgerFile file) throws IOException {
    this.file = file;
    ledger = file.load();
  }

  /** Looks something up; what comes back must be a copy. */
  synchronized <T extends @org.jspecify.annotations.Nullable Object> T read(
      Function<Ledger, T> look) {
    return look.apply(ledger);
  }

  /** Changes it and writes the file; with the change's fault nothing is written. */
  synchronized boolean change(Change change) throws IOException {
    boolean isChanged = change.to(ledger);
    if (isChanged) {
      file.save(ledger);
    }
    return isChanged;
  }

  synchronized void delete() throws IOException {
    file.delete();
  }
}
