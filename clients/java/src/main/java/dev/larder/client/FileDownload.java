package dev.larder.client;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.util.Optional;
import java.util.Set;

/**
 * One file of a download: what is there is kept, the rest is brought in and checked. One thread.
 */
final class FileDownload {
  private static final String KEY_ATTRIBUTE = "larder.key";

  private final HttpLarderClient client;
  private final RemoteEntry entry;
  private final Path target;
  private final boolean overwrite;
  private final DownloadProgress progress;

  FileDownload(
      HttpLarderClient client,
      RemoteEntry entry,
      Path target,
      boolean overwrite,
      DownloadProgress progress) {
    this.client = client;
    this.entry = entry;
    this.target = target;
    this.overwrite = overwrite;
    this.progress = progress;
  }

  void run() throws IOException {
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      if (isSame()) {
        progress.skipped();
        progress.advanced(entry.path(), entry.sizeBytes(), false);
        return;
      }
      if (!overwrite || Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)) {
        throw new LarderException(
            ErrorCode.ALREADY_EXISTS,
            target + " exists already with other content; remove it or ask to overwrite");
      }
    }
    Path folder = LocalPaths.parent(target);
    if (!Files.isDirectory(folder)) {
      Downloader.createDirectories(folder);
    }
    Path part = partFile();
    ContentCheck check = new ContentCheck(entry);
    Optional<Digest> root = Optional.empty();
    try (BlobReads reads = client.openReads(entry)) {
      if (Blocks.isSmall(entry.sizeBytes())) {
        root = fillAtOnce(reads, part, check);
      } else {
        fill(reads, part, check);
      }
    }
    if (!check.matches(client, root)) {
      Files.delete(part);
      throw new LarderException(
          ErrorCode.STORE_CORRUPT,
          "the bytes received of " + entry.path() + " are not those of its key; nothing was kept");
    }
    Files.setLastModifiedTime(part, FileTime.from(entry.mtime()));
    rememberKey(part);
    Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** The key is part of the name, so that bytes of another version are never gone on with. */
  private Path partFile() {
    String tag = BlobKey.parse(key()).digest().hex().substring(0, 16);
    String name = target.getFileName().toString();
    // Names may have 255 bytes; the suffix must fit too.
    String shown = name.length() > 60 ? name.substring(0, 60) : name;
    return target.resolveSibling("." + shown + ".larder-" + tag + ".part");
  }

  private void fill(BlobReads reads, Path part, ContentCheck check) throws IOException {
    reads.intend("whole");
    try (FileChannel out =
        FileChannel.open(
            part,
            Set.of(
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS))) {
      ByteBuffer buffer =
          ByteBuffer.allocate((int) Math.min(Blocks.BLOCK_BYTES, entry.sizeBytes()));
      long done = resume(out, check, buffer);
      while (done < entry.sizeBytes()) {
        checkCancelled();
        buffer.clear();
        buffer.limit((int) Math.min(buffer.capacity(), entry.sizeBytes() - done));
        while (buffer.hasRemaining()) {
          reads.read(buffer, done + buffer.position());
        }
        buffer.flip();
        check.update(buffer.duplicate());
        int count = buffer.remaining();
        while (buffer.hasRemaining()) {
          out.write(buffer, done + buffer.position());
        }
        done += count;
        progress.advanced(entry.path(), count, true);
      }
    }
  }

  /** A small file by one request; answers the root the agent named. */
  private Optional<Digest> fillAtOnce(BlobReads reads, Path part, ContentCheck check)
      throws IOException {
    checkCancelled();
    WholeFile whole = entry.sizeBytes() == 0 ? WholeFile.EMPTY : reads.whole();
    ByteBuffer content = ByteBuffer.wrap(whole.content());
    if (content.hasRemaining()) {
      check.update(content.duplicate());
    }
    try (FileChannel out =
        FileChannel.open(
            part,
            Set.of(
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE,
                StandardOpenOption.TRUNCATE_EXISTING,
                LinkOption.NOFOLLOW_LINKS))) {
      while (content.hasRemaining()) {
        out.write(content);
      }
    }
    progress.advanced(entry.path(), whole.content().length, true);
    return whole.root();
  }

  /** Hashes what an earlier, interrupted call left and returns where to go on. */
  private long resume(FileChannel out, ContentCheck check, ByteBuffer buffer) throws IOException {
    long there = Math.min(out.size(), entry.sizeBytes());
    long whole = there - there % Blocks.BLOCK_BYTES;
    out.truncate(whole);
    long done = 0;
    while (done < whole) {
      buffer.clear();
      while (buffer.hasRemaining() && done + buffer.position() < whole) {
        if (out.read(buffer, done + buffer.position()) < 0) {
          throw new IOException("the part file shrank while it was read");
        }
      }
      buffer.flip();
      check.update(buffer);
      done += Blocks.BLOCK_BYTES;
    }
    progress.advanced(entry.path(), whole, false);
    return whole;
  }

  private boolean isSame() throws IOException {
    if (!Files.isRegularFile(target, LinkOption.NOFOLLOW_LINKS)
        || Files.size(target) != entry.sizeBytes()
        || !Files.getLastModifiedTime(target).equals(FileTime.from(entry.mtime()))) {
      return false;
    }
    Optional<String> key = rememberedKey();
    return key.isEmpty() || key.get().equals(key());
  }

  private Optional<String> rememberedKey() throws IOException {
    UserDefinedFileAttributeView view =
        Files.getFileAttributeView(target, UserDefinedFileAttributeView.class);
    if (view == null || !view.list().contains(KEY_ATTRIBUTE)) {
      return Optional.empty();
    }
    ByteBuffer value = ByteBuffer.allocate(view.size(KEY_ATTRIBUTE));
    view.read(KEY_ATTRIBUTE, value);
    return Optional.of(new String(value.array(), StandardCharsets.UTF_8));
  }

  /** Not every file system has attributes (tmpfs of old kernels); size and time must do there. */
  private void rememberKey(Path file) throws IOException {
    UserDefinedFileAttributeView view =
        Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
    if (view == null) {
      return;
    }
    try {
      view.write(KEY_ATTRIBUTE, ByteBuffer.wrap(key().getBytes(StandardCharsets.UTF_8)));
    } catch (FileSystemException e) {
      // Asked only now, because asking reads the whole table of mounts.
      if (Files.getFileStore(file).supportsFileAttributeView("user")) {
        throw e;
      }
    }
  }

  private String key() {
    return entry
        .key()
        .orElseThrow(
            () -> new LarderException(ErrorCode.INTERNAL, entry.path() + " came without a key"));
  }

  private void checkCancelled() {
    if (progress.isCancelled() || Thread.currentThread().isInterrupted()) {
      throw new LarderException(ErrorCode.CANCELLED, "the download was cancelled");
    }
  }
}
