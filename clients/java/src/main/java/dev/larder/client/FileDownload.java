package dev.larder.client;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
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
    Downloader.createDirectories(LocalPaths.parent(target));
    Path part = partFile();
    fill(part);
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

  private void fill(Path part) throws IOException {
    ContentCheck check = new ContentCheck(entry);
    try (RemoteFile file = client.open(entry);
        FileChannel out =
            FileChannel.open(
                part,
                Set.of(
                    StandardOpenOption.CREATE,
                    StandardOpenOption.READ,
                    StandardOpenOption.WRITE,
                    LinkOption.NOFOLLOW_LINKS))) {
      if (file instanceof BlobChannel channel) {
        channel.reads().intend("whole");
      }
      ByteBuffer buffer = ByteBuffer.allocate(Blocks.BLOCK_BYTES);
      long done = resume(out, check, buffer);
      while (done < entry.sizeBytes()) {
        checkCancelled();
        buffer.clear();
        buffer.limit((int) Math.min(buffer.capacity(), entry.sizeBytes() - done));
        while (buffer.hasRemaining()) {
          file.read(buffer, done + buffer.position());
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
    if (!check.matches(client)) {
      Files.delete(part);
      throw new LarderException(
          ErrorCode.STORE_CORRUPT,
          "the bytes received of " + entry.path() + " are not those of its key; nothing was kept");
    }
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
    if (view != null && Files.getFileStore(file).supportsFileAttributeView("user")) {
      view.write(KEY_ATTRIBUTE, ByteBuffer.wrap(key().getBytes(StandardCharsets.UTF_8)));
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
