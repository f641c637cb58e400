package dev.larder.coordinator.raft;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** File operations that are there after power loss. */
final class DurableFiles {
  private DurableFiles() {}

  static void write(Path file, String text) throws IOException {
    Files.writeString(file, text);
    sync(file);
  }

  /** Syncs a file's bytes, or a directory's names. */
  static void sync(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /** Syncs all files of a directory and the directory. */
  static void syncAll(Path directory) throws IOException {
    for (Path file : list(directory)) {
      sync(file);
    }
    sync(directory);
  }

  static List<Path> list(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> listed = Files.list(directory)) {
      return listed.sorted().toList();
    }
  }

  static void deleteTree(Path root) throws IOException {
    if (!Files.exists(root)) {
      return;
    }
    try (Stream<Path> walked = Files.walk(root)) {
      for (Path path : walked.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
