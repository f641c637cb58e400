package dev.larder.dist;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Changes the version that stands in the memory a keeper shares, as another build's would. */
final class SharedLayout {
  /** {@code Layout.HEADER_VERSION}: it stands there in every version, or none could be told. */
  private static final int VERSION_OFFSET = 8;

  private SharedLayout() {}

  static void setVersion(long keeper, int version) throws IOException {
    Path memory;
    try (Stream<Path> all = Files.list(Path.of("/proc", Long.toString(keeper), "fd"))) {
      List<Path> found = all.filter(SharedLayout::isShared).toList();
      if (found.size() != 1) {
        throw new AssertionError("shared memory of process " + keeper + ": " + found);
      }
      memory = found.getFirst();
    }
    try (RandomAccessFile file = new RandomAccessFile(memory.toFile(), "rw")) {
      file.seek(VERSION_OFFSET);
      file.write(new byte[] {(byte) version, 0, 0, 0});
    }
  }

  private static boolean isShared(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().contains("memfd:larder-fuse");
    } catch (IOException e) {
      // Closed meanwhile.
      return false;
    }
  }
}
