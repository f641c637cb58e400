package dev.larder.agent.config;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Small files that survive power loss: written beside, synced, renamed, folder synced. Callers of
 * one file take turns. Faults are STORE_IO.
 */
public final class DurableFiles {
  /** How a file's name goes on while it is written; a crash may leave one. */
  static final String UNFINISHED = ".tmp";

  private DurableFiles() {}

  /** Puts this content in the place of a file; its folder must be there. */
  public static void replace(Path file, byte[] content) {
    Path beside = file.resolveSibling(file.getFileName() + UNFINISHED);
    try {
      try (FileChannel channel =
          FileChannel.open(
              beside,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        ByteBuffer bytes = ByteBuffer.wrap(content);
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      syncFolder(file);
    } catch (IOException e) {
      throw fault("write", file, e);
    }
  }

  /** Deletes a file that may be absent. */
  public static void delete(Path file) {
    try {
      if (Files.deleteIfExists(file)) {
        syncFolder(file);
      }
    } catch (IOException e) {
      throw fault("delete", file, e);
    }
  }

  /** Renames a file that cannot be read to {@code <name>.bad}. */
  public static void setAside(Path file) {
    try {
      Files.move(
          file,
          file.resolveSibling(file.getFileName() + ".bad"),
          StandardCopyOption.REPLACE_EXISTING);
      syncFolder(file);
    } catch (IOException e) {
      throw fault("set aside", file, e);
    }
  }

  private static void syncFolder(Path file) throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    if (folder != null) {
      try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
        channel.force(true);
      }
    }
  }

  private static LarderException fault(String what, Path file, IOException e) {
    return new LarderException(
        ErrorCode.STORE_IO, "cannot " + what + " " + file.getFileName() + ": " + e, e);
  }
}
