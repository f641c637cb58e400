package dev.larder.coordinator.raft;

import dev.larder.coordinator.logic.Position;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What a snapshot consists of. A text file beside the copied tables: a version line, the position,
 * one line per file with size, SHA-256 and MD5 (which Ratis asks for when it sends files), and a
 * last line with the SHA-256 of all before it. A snapshot without a manifest that reads back whole
 * is none.
 */
record SnapshotManifest(Position position, List<Entry> files) {
  static final String NAME = "MANIFEST.larder";

  private static final String FIRST_LINE = "larder-coordinator-snapshot 1";
  private static final String TABLE = ".sst";
  private static final HexFormat HEX = HexFormat.of();
  private static final int BUFFER_BYTES = 1 << 16;

  /** One file. */
  record Entry(String name, long sizeBytes, String sha256, String md5) {}

  /** Reads all files of a directory and says what they are. */
  static SnapshotManifest of(Path directory, Position position) throws IOException {
    return of(directory, position, Optional.empty());
  }

  /**
   * Says what the files of a directory are. Tables, which RocksDB never changes, are not read again
   * where the snapshot before has the same file, so that nobody who waits for the state waits for
   * all of it to be hashed; one that was damaged since keeps what it was, which {@link #verify}
   * finds.
   */
  static SnapshotManifest of(
      Path directory, Position position, Optional<SnapshotDirectory.Found> before)
      throws IOException {
    List<Entry> files = new ArrayList<>();
    for (Path file : filesOf(directory)) {
      Optional<Entry> known = before.isPresent() ? known(file, before.get()) : Optional.empty();
      files.add(known.isPresent() ? known.get() : entry(file));
    }
    return new SnapshotManifest(position, List.copyOf(files));
  }

  private static Optional<Entry> known(Path file, SnapshotDirectory.Found before)
      throws IOException {
    String name = file.getFileName().toString();
    Path other = before.directory().resolve(name);
    if (!name.endsWith(TABLE) || !Files.isRegularFile(other) || !Files.isSameFile(file, other)) {
      return Optional.empty();
    }
    long size = Files.size(file);
    return before.manifest().files().stream()
        .filter(each -> each.name().equals(name) && each.sizeBytes() == size)
        .findFirst();
  }

  /**
   * Reads the manifest of a snapshot and compares names and sizes.
   *
   * @throws LarderException STORE_CORRUPT
   */
  static SnapshotManifest read(Path directory) {
    try {
      SnapshotManifest manifest = parse(Files.readString(directory.resolve(NAME)));
      for (Entry file : manifest.files) {
        Path path = directory.resolve(file.name());
        if (!Files.isRegularFile(path) || Files.size(path) != file.sizeBytes()) {
          throw corrupt(directory, file.name() + " is missing or has another size");
        }
      }
      return manifest;
    } catch (IOException | IllegalArgumentException e) {
      throw new LarderException(
          ErrorCode.STORE_CORRUPT,
          "coordinator snapshot " + directory + " has no valid manifest: " + e.getMessage(),
          e);
    }
  }

  /**
   * Compares the content of all files too.
   *
   * @throws LarderException STORE_CORRUPT
   */
  void verify(Path directory) throws IOException {
    for (Entry file : files) {
      if (!entry(directory.resolve(file.name())).equals(file)) {
        throw corrupt(directory, file.name() + " has other bytes than the manifest says");
      }
    }
  }

  String text() {
    StringBuilder text = new StringBuilder(FIRST_LINE).append('\n');
    text.append("position ").append(position.term()).append(' ').append(position.index());
    text.append('\n');
    for (Entry file : files) {
      text.append("file ").append(file.name()).append(' ').append(file.sizeBytes());
      text.append(' ').append(file.sha256()).append(' ').append(file.md5()).append('\n');
    }
    return text + "end " + checksum(text.toString()) + '\n';
  }

  static SnapshotManifest parse(String text) {
    int end = text.lastIndexOf("end ");
    if (end < 0 || !text.substring(end).equals("end " + checksum(text.substring(0, end)) + '\n')) {
      throw new IllegalArgumentException("it is cut off or changed");
    }
    String[] lines = text.substring(0, end).split("\n", -1);
    if (!lines[0].equals(FIRST_LINE)) {
      throw new IllegalArgumentException("its version is not known");
    }
    String[] position = lines[1].split(" ", -1);
    List<Entry> files = new ArrayList<>();
    for (int i = 2; i < lines.length - 1; i++) {
      String[] words = lines[i].split(" ", -1);
      if (words.length != 5 || words[1].contains("/")) {
        throw new IllegalArgumentException("line " + (i + 1) + " is malformed");
      }
      files.add(new Entry(words[1], Long.parseLong(words[2]), words[3], words[4]));
    }
    return new SnapshotManifest(
        new Position(Long.parseLong(position[1]), Long.parseLong(position[2])), List.copyOf(files));
  }

  /** The plain files of a snapshot by name, without the manifest. */
  private static List<Path> filesOf(Path directory) throws IOException {
    try (Stream<Path> listed = Files.list(directory)) {
      return listed
          .filter(Files::isRegularFile)
          .filter(file -> !file.getFileName().toString().equals(NAME))
          .sorted()
          .toList();
    }
  }

  private static Entry entry(Path file) throws IOException {
    MessageDigest sha256 = digest("SHA-256");
    MessageDigest md5 = digest("MD5");
    long size = 0;
    byte[] buffer = new byte[BUFFER_BYTES];
    try (InputStream in = Files.newInputStream(file)) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        sha256.update(buffer, 0, read);
        md5.update(buffer, 0, read);
        size += read;
      }
    }
    return new Entry(
        file.getFileName().toString(),
        size,
        HEX.formatHex(sha256.digest()),
        HEX.formatHex(md5.digest()));
  }

  private static String checksum(String text) {
    return HEX.formatHex(digest("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
  }

  private static MessageDigest digest(String name) {
    try {
      return MessageDigest.getInstance(name);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has " + name, e);
    }
  }

  private static LarderException corrupt(Path directory, String what) {
    return new LarderException(
        ErrorCode.STORE_CORRUPT, "coordinator snapshot " + directory + ": " + what);
  }
}
