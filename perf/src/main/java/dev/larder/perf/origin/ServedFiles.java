package dev.larder.perf.origin;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The files of a directory as they were when they were last looked at: at the start, and at the
 * beginning of every listing.
 *
 * <p>The first component of a request's path is a <em>bucket</em> and may be any word: every bucket
 * has the same files. So one file stands for any number of objects that no cache has seen yet.
 */
final class ServedFiles {
  private final Path root;
  private volatile NavigableMap<String, Served> files = new TreeMap<>();

  /** A file. */
  record Served(Path path, long sizeBytes, Instant lastModified, String etag) {}

  ServedFiles(Path root) throws IOException {
    this.root = root;
    look();
  }

  /** Looks at the directory again. */
  void look() throws IOException {
    NavigableMap<String, Served> found = new TreeMap<>();
    try (Stream<Path> paths = Files.walk(root)) {
      paths.filter(Files::isRegularFile).forEach(path -> add(found, path));
    }
    files = found;
  }

  private void add(NavigableMap<String, Served> found, Path path) {
    try {
      BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
      Instant time = attributes.lastModifiedTime().toInstant().truncatedTo(ChronoUnit.SECONDS);
      String etag =
          Long.toHexString(time.getEpochSecond()) + "-" + Long.toHexString(attributes.size());
      found.put(root.relativize(path).toString(), new Served(path, attributes.size(), time, etag));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The file of {@code /bucket/name}. */
  Optional<Served> find(String path) {
    int slash = path.indexOf('/', 1);
    return slash < 0 ? Optional.empty() : Optional.ofNullable(files.get(path.substring(slash + 1)));
  }

  /** Names and files behind a name (exclusive), in order. */
  NavigableMap<String, Served> after(String name) {
    return files.tailMap(name, false);
  }
}
