package dev.larder.origin;

import dev.larder.origin.OriginMetrics.Operation;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.OriginKeys;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A directory of this machine. Files are opened component by component without following links, so
 * nothing outside of the root is read, whatever happens between listing and read. The version is
 * the time of last change in nanoseconds; it is looked at before and after every read.
 *
 * <p>A writer that changes a file through a mapping leaves that time alone until the kernel writes
 * back: such changes are not seen.
 */
final class FileOrigin implements Origin {
  private final Path root;
  private final String uri;
  private final Requests requests;

  private FileOrigin(Path root, OriginContext context) {
    this.root = root;
    this.uri = "file://" + OriginKeys.encode(root.toString());
    this.requests = new Requests(uri, context);
  }

  static FileOrigin open(String path, OriginOptions options, OriginContext context) {
    OptionReader reader = new OptionReader("file", options, Set.of("check-md5"));
    reader.flag("check-md5");
    try {
      Path given = Path.of(path);
      if (!given.isAbsolute()) {
        throw new LarderException(
            ErrorCode.BAD_ORIGIN, "origin URI: the path \"" + path + "\" is not absolute");
      }
      Path root = given.toRealPath();
      if (!Files.isDirectory(root)) {
        throw new LarderException(
            ErrorCode.BAD_ORIGIN, "origin URI: \"" + path + "\" is not a directory");
      }
      return new FileOrigin(root, context);
    } catch (InvalidPathException e) {
      throw new LarderException(
          ErrorCode.BAD_ORIGIN, "origin URI: \"" + path + "\" is not a path", e);
    } catch (IOException e) {
      throw failure(path, e).toLarder();
    }
  }

  /** The path of a file URI: {@code file:/p}, {@code file:///p} or {@code file://localhost/p}. */
  static String pathOf(String uri) {
    String rest = uri.substring("file:".length());
    if (rest.startsWith("//")) {
      int slash = rest.indexOf('/', 2);
      String host = slash < 0 ? rest.substring(2) : rest.substring(2, slash);
      if (!host.isEmpty() && !host.equals("localhost")) {
        throw new LarderException(
            ErrorCode.BAD_ORIGIN,
            "origin URI: host \"" + host + "\" in \"" + uri + "\"; write file:///absolute/path");
      }
      rest = slash < 0 ? "" : rest.substring(slash);
    }
    if (!rest.startsWith("/") || rest.indexOf('?') >= 0 || rest.indexOf('#') >= 0) {
      throw new LarderException(
          ErrorCode.BAD_ORIGIN,
          "origin URI: path in \"" + uri + "\"; write file:///absolute/path, with ? as %3F");
    }
    return Names.decode("origin URI", rest);
  }

  @Override
  public String uri() {
    return uri;
  }

  @Override
  public void list(ListingSink sink) {
    requests.requireOpen();
    requests.context().metrics().request(Operation.LIST);
    new FileWalk(root, uri, sink, requests).run();
  }

  @Override
  public OriginRead open(OriginObject object, long offset, long length) {
    String path = pathBelow(object);
    return requests.read(
        object, offset, length, (from, count, watch) -> Body.open(root, path, object, from));
  }

  @Override
  public Optional<ContentChecksum> checksum(OriginObject object) {
    return Optional.empty();
  }

  @Override
  public void close() {
    requests.close();
  }

  private String pathBelow(OriginObject object) {
    String prefix = uri.equals("file:///") ? uri : uri + "/";
    if (!object.uri().startsWith(prefix)) {
      throw new LarderException(ErrorCode.BAD_ORIGIN, object.uri() + " is not below " + uri);
    }
    return Names.decode("object URI", object.uri().substring(prefix.length()));
  }

  static String version(BasicFileAttributes attributes) {
    return Long.toString(attributes.lastModifiedTime().to(TimeUnit.NANOSECONDS));
  }

  static OriginFailure failure(String path, IOException e) {
    return switch (e) {
      case NoSuchFileException gone ->
          OriginFailure.lasting(ErrorCode.ORIGIN_GONE, path + " is not there").because(gone);
      case AccessDeniedException denied ->
          OriginFailure.lasting(ErrorCode.ORIGIN_DENIED, path + " may not be read by this user")
              .because(denied);
      case NotDirectoryException swapped -> changed(path, swapped);
      case FileSystemLoopException swapped -> changed(path, swapped);
      default ->
          // ELOOP of an open that follows no link has no exception class of its own.
          String.valueOf(e.getMessage()).contains("Too many levels of symbolic links")
              ? changed(path, e)
              : OriginFailure.passing(ErrorCode.ORIGIN_UNAVAILABLE, path + " cannot be read")
                  .because(e);
    };
  }

  private static OriginFailure changed(String path, IOException e) {
    return OriginFailure.lasting(
            ErrorCode.ORIGIN_CHANGED, path + " is no longer the file that was listed")
        .because(e);
  }

  /** One open file. */
  private static final class Body implements RangeBody {
    private final SecureDirectoryStream<Path> directory;
    private final Path name;
    private final OriginObject object;
    private final SeekableByteChannel channel;
    private final @Nullable Object fileKey;

    private Body(
        SecureDirectoryStream<Path> directory,
        Path name,
        OriginObject object,
        SeekableByteChannel channel,
        @Nullable Object fileKey) {
      this.directory = directory;
      this.name = name;
      this.object = object;
      this.channel = channel;
      this.fileKey = fileKey;
    }

    static Body open(Path root, String path, OriginObject object, long offset)
        throws OriginFailure {
      SecureDirectoryStream<Path> directory = null;
      SeekableByteChannel channel = null;
      try {
        Path relative = Path.of(path);
        directory = parentOf(root, relative);
        Path name = relative.getFileName();
        // Before the open, because opening a FIFO in the file's place would block.
        Object key = check(directory, name, object);
        channel =
            directory.newByteChannel(
                name, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS));
        Body body = new Body(directory, name, object, channel, key);
        body.checkUnchanged();
        channel.position(offset);
        directory = null;
        channel = null;
        return body;
      } catch (IOException e) {
        throw failure(object.uri(), e);
      } finally {
        closeAll(channel, directory);
      }
    }

    private static SecureDirectoryStream<Path> parentOf(Path root, Path relative)
        throws IOException {
      SecureDirectoryStream<Path> directory = FileWalk.secure(Files.newDirectoryStream(root));
      for (int i = 0; i < relative.getNameCount() - 1; i++) {
        try (SecureDirectoryStream<Path> parent = directory) {
          directory = parent.newDirectoryStream(relative.getName(i), LinkOption.NOFOLLOW_LINKS);
        }
      }
      return directory;
    }

    private static @Nullable Object check(
        SecureDirectoryStream<Path> directory, Path name, OriginObject object)
        throws IOException, OriginFailure {
      BasicFileAttributes now =
          directory
              .getFileAttributeView(name, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
              .readAttributes();
      if (!now.isRegularFile()) {
        throw RangeAnswer.changed(object, "not a file");
      }
      if (now.size() != object.sizeBytes() || !version(now).equals(object.version())) {
        throw RangeAnswer.changed(object, "version " + version(now) + ", " + now.size() + " bytes");
      }
      return now.fileKey();
    }

    private void checkUnchanged() throws IOException, OriginFailure {
      if (!java.util.Objects.equals(check(directory, name, object), fileKey)
          || channel.size() != object.sizeBytes()) {
        throw RangeAnswer.changed(object, "another file");
      }
    }

    @Override
    public int read(ByteBuffer target) throws OriginFailure {
      try {
        int count = channel.read(target);
        checkUnchanged();
        return count;
      } catch (IOException e) {
        throw failure(object.uri(), e);
      }
    }

    @Override
    public Optional<ContentChecksum> checksum() {
      return Optional.empty();
    }

    @Override
    public void finish() {
      abort();
    }

    @Override
    public void abort() {
      closeAll(channel, directory);
    }

    private static void closeAll(
        @Nullable SeekableByteChannel channel, @Nullable DirectoryStream<Path> directory) {
      try (DirectoryStream<Path> d = directory;
          SeekableByteChannel c = channel) {
        // Closing is all there is to do; the order is that of opening, reversed.
      } catch (IOException e) {
        // Nothing was written, so nothing is lost.
        org.slf4j.LoggerFactory.getLogger(FileOrigin.class).debug("closing a file failed", e);
      }
    }
  }
}
