package dev.larder.keeper;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** A file with a process number, replaced at once. One thread. */
record PidFile(Path file) {
  void write(long pid) throws IOException {
    Path fresh = file.resolveSibling("." + file.getFileName() + "." + pid);
    Files.writeString(fresh, pid + "\n");
    Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }
}
