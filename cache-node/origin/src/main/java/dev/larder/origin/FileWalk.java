package dev.larder.origin;

import dev.larder.origin.Origin.ListingSink;
import dev.larder.origin.OriginObject.Type;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.OriginKeys;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Walks a directory depth first. Keeps one open directory and one iterator a level, whatever the
 * number of files. One thread.
 */
final class FileWalk {
  // One descriptor a level; deeper trees are cycles or attacks.
  private static final int DEPTH_MAX = 200;

  private final Path root;
  private final String rootUri;
  private final ListingSink sink;
  private final Requests requests;
  private final Deque<Level> levels = new ArrayDeque<>();

  private record Level(SecureDirectoryStream<Path> stream, Iterator<Path> names, String path) {}

  FileWalk(Path root, String rootUri, ListingSink sink, Requests requests) {
    this.root = root;
    this.rootUri = rootUri.equals("file:///") ? "file://" : rootUri;
    this.sink = sink;
    this.requests = requests;
  }

  void run() {
    try {
      push(secure(Files.newDirectoryStream(root)), "");
      while (!levels.isEmpty()) {
        requests.requireOpen();
        if (Thread.currentThread().isInterrupted()) {
          throw new LarderException(ErrorCode.CANCELLED, rootUri + ": interrupted");
        }
        Level level = levels.element();
        if (level.names().hasNext()) {
          visit(level, level.names().next().getFileName());
        } else {
          levels.remove();
          level.stream().close();
        }
      }
    } catch (DirectoryIteratorException e) {
      IOException cause = e.getCause();
      throw FileOrigin.failure(rootUri, cause == null ? new IOException(e) : cause).toLarder();
    } catch (IOException e) {
      throw FileOrigin.failure(rootUri, e).toLarder();
    } finally {
      closeLevels();
    }
  }

  /**
   * Directory streams that can open relative to themselves; without them links could be followed.
   */
  static SecureDirectoryStream<Path> secure(DirectoryStream<Path> stream) throws IOException {
    if (stream instanceof SecureDirectoryStream<Path> secure) {
      return secure;
    }
    stream.close();
    throw new IOException("this system cannot open files relative to a directory");
  }

  private void push(SecureDirectoryStream<Path> stream, String path) {
    levels.push(new Level(stream, stream.iterator(), path));
  }

  private void visit(Level level, Path name) throws IOException {
    String path = level.path().isEmpty() ? name.toString() : level.path() + "/" + name;
    // A name that is not text of this locale decodes to something that leads to another name.
    if (!Path.of(name.toString()).equals(name)
        || name.toString().indexOf('\uFFFD') >= 0
        || !Names.isUnicode(path)) {
      sink.skipped(path, "its name is not UTF-8");
      return;
    }
    Optional<String> fault = Names.fault(path);
    if (fault.isPresent()) {
      sink.skipped(path, fault.get());
      return;
    }
    BasicFileAttributes attributes;
    try {
      attributes =
          level.stream()
              .getFileAttributeView(name, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
              .readAttributes();
    } catch (NoSuchFileException gone) {
      sink.skipped(path, "it vanished during the listing");
      return;
    }
    if (attributes.isSymbolicLink()) {
      visitLink(path, attributes);
    } else if (attributes.isDirectory()) {
      visitDirectory(level, name, path, attributes);
    } else if (attributes.isRegularFile()) {
      sink.accept(entry(path, Type.FILE, attributes, null));
    } else {
      sink.skipped(path, "it is neither a file nor a directory nor a symbolic link");
    }
  }

  private void visitDirectory(Level level, Path name, String path, BasicFileAttributes attributes)
      throws IOException {
    if (levels.size() >= DEPTH_MAX) {
      sink.skipped(path, "it lies more than " + DEPTH_MAX + " directories deep");
      return;
    }
    try {
      SecureDirectoryStream<Path> below =
          level.stream().newDirectoryStream(name, LinkOption.NOFOLLOW_LINKS);
      push(below, path);
    } catch (AccessDeniedException e) {
      sink.skipped(path, "this user may not read it");
      return;
    } catch (NoSuchFileException | NotDirectoryException e) {
      sink.skipped(path, "it changed during the listing");
      return;
    }
    sink.accept(entry(path, Type.DIRECTORY, attributes, null));
  }

  private void visitLink(String path, BasicFileAttributes attributes) {
    Path link = root.resolve(path);
    Path target;
    try {
      target = Files.readSymbolicLink(link);
    } catch (IOException e) {
      sink.skipped(path, "it changed during the listing");
      return;
    }
    Optional<String> inside = targetInside(link, target);
    if (inside.isEmpty()) {
      sink.skipped(path, "it is a symbolic link that leads out of the origin");
      return;
    }
    sink.accept(entry(path, Type.SYMLINK, attributes, inside.get()));
  }

  /** The target as a relative path; empty where following it leaves the root at any step. */
  private Optional<String> targetInside(Path link, Path target) {
    Path parent = link.getParent();
    if (parent == null) {
      return Optional.empty();
    }
    if (target.isAbsolute()) {
      Path inside = target.normalize();
      if (!inside.startsWith(root) || leadsOutside(inside)) {
        return Optional.empty();
      }
      return text(parent.relativize(inside));
    }
    int depth = parent.getNameCount() - root.getNameCount();
    for (Path step : target) {
      depth += step.toString().equals("..") ? -1 : step.toString().equals(".") ? 0 : 1;
      if (depth < 0) {
        return Optional.empty();
      }
    }
    return leadsOutside(parent.resolve(target)) ? Optional.empty() : text(target);
  }

  // Links inside of links may leave where the text alone does not; a dangling link leads nowhere.
  private boolean leadsOutside(Path path) {
    try {
      return !path.toRealPath().startsWith(root);
    } catch (NoSuchFileException dangling) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  private static Optional<String> text(Path target) {
    String text = target.toString().isEmpty() ? "." : target.toString();
    return Names.isUnicode(text) && text.indexOf('\uFFFD') < 0
        ? Optional.of(text)
        : Optional.empty();
  }

  private OriginObject entry(
      String path, Type type, BasicFileAttributes attributes, @Nullable String linkTarget) {
    return new OriginObject(
        path,
        type,
        rootUri + "/" + OriginKeys.encode(path),
        type == Type.DIRECTORY ? "" : FileOrigin.version(attributes),
        type == Type.FILE ? attributes.size() : 0,
        attributes.lastModifiedTime().toInstant(),
        Optional.ofNullable(linkTarget),
        Optional.empty());
  }

  private void closeLevels() {
    for (Level level : levels) {
      try {
        level.stream().close();
      } catch (IOException e) {
        org.slf4j.LoggerFactory.getLogger(FileWalk.class).debug("closing a directory failed", e);
      }
    }
    levels.clear();
  }
}
