package dev.larder.agent.config;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;

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
    replace(file, List.of(content));
  }

  /** Puts these pieces, one after the other, in the place of a file; its folder must be there. */
  public static void replace(Path file, List<byte[]> pieces) {
    Path beside = file.resolveSibling(file.getFileName() + UNFINISHED);
    try {
      try (FileChannel channel =
          FileChannel.open(
              beside,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel));
        for (byte[] piece : pieces) {
          out.write(piece);
        }
        out.flush();
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
