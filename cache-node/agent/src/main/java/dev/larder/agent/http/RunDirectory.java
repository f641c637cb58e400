package dev.larder.agent.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Base64;
import java.util.Set;

/**
 * The folder where clients of this host find the agent: its token and its {@code agent.json}. Only
 * the agent's user may enter it.
 *
 * <p><b>Threads:</b> any, one at a time; the data directory's lock keeps two agents apart.
 * <b>Errors:</b> BAD_CONFIG says what is wrong with the folder or a file and how to mend it.
 */
public final class RunDirectory {
  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rwx------");
  private static final FileAttribute<?> FOLDER_MODE =
      PosixFilePermissions.asFileAttribute(OWNER_ONLY);
  private static final FileAttribute<?> FILE_MODE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
  private static final Set<PosixFilePermission> OTHERS =
      PosixFilePermissions.fromString("---rwxrwx");
  private static final int TOKEN_BYTES = 32;
  private static final int TOKEN_CHARS_MIN = 16;
  private static final int TOKEN_CHARS_MAX = 512;

  private final Path folder;
  private final UserPrincipal self;

  private RunDirectory(Path folder, UserPrincipal self) {
    this.folder = folder;
    this.self = self;
  }

  /**
   * Where the run directory is: {@code /run/larder} for root, else {@code $XDG_RUNTIME_DIR/larder},
   * else {@code <data>/run}.
   *
   * @param xdgRuntimeDirectory value of the variable; empty when unset
   */
  public static Path choose(String user, String xdgRuntimeDirectory, Path dataDirectory) {
    if (user.equals("root")) {
      return Path.of("/run/larder");
    }
    return xdgRuntimeDirectory.isEmpty()
        ? dataDirectory.resolve("run")
        : Path.of(xdgRuntimeDirectory).resolve("larder");
  }

  /** Opens the folder, creating it with mode 0700 if it is not there. */
  public static RunDirectory open(Path folder) {
    try {
      Path parent = folder.toAbsolutePath().getParent();
      if (parent != null) {
        Files.createDirectories(parent);
      }
      try {
        Files.createDirectory(folder, FOLDER_MODE);
        // The process's umask may have taken more away.
        Files.setPosixFilePermissions(folder, OWNER_ONLY);
      } catch (FileAlreadyExistsException e) {
        checkFolder(folder, e);
      }
      Path probe = Files.createTempFile(folder, ".probe", "", FILE_MODE);
      UserPrincipal self = Files.getOwner(probe);
      Files.delete(probe);
      check(folder, self);
      return new RunDirectory(folder, self);
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "run directory " + folder + " is not usable: " + e, e);
    }
  }

  /** The folder. */
  public Path path() {
    return folder;
  }

  /** The file that holds the token. */
  public Path tokenFile() {
    return folder.resolve("token");
  }

  /** The token: what the file holds, or a new random one, then kept in the file with mode 0600. */
  public String token() {
    Path file = tokenFile();
    try {
      if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
        byte[] random = new byte[TOKEN_BYTES];
        new SecureRandom().nextBytes(random);
        String token = Base64.getUrlEncoder().withoutPadding().encodeToString(random);
        write(file, (token + "\n").getBytes(StandardCharsets.US_ASCII));
        return token;
      }
      check(file, self);
      if (Files.size(file) > TOKEN_CHARS_MAX) {
        throw badToken(file);
      }
      String token = Files.readString(file, StandardCharsets.ISO_8859_1).strip();
      if (token.length() < TOKEN_CHARS_MIN || !token.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
        throw badToken(file);
      }
      return token;
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "token file " + file + " is not usable: " + e, e);
    }
  }

  /**
   * What clients need to find the agent.
   *
   * @param address host and port of the front door
   * @param blobs folder of the sealed blobs, for clients that may read the store
   */
  public record AgentInfo(
      String address, long pid, Path blobs, Path tokenFile, Instant startedAt) {}

  /** Writes {@code agent.json}. */
  public Path writeAgentFile(AgentInfo info) {
    Path file = folder.resolve("agent.json");
    writeInfo(file, info);
    return file;
  }

  /** Takes {@code agent.json} away, so that clients do not ask a closed door. */
  public void removeAgentFile() {
    try {
      Files.deleteIfExists(folder.resolve("agent.json"));
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "run directory " + folder + " is not usable: " + e, e);
    }
  }

  /** Writes the same object to a place of the user's choice (the ready file), atomically. */
  public static void writeInfo(Path file, AgentInfo info) {
    ObjectNode json =
        Json.object()
            .put("version", 1)
            .put("address", info.address())
            .put("pid", info.pid())
            .put("blobs", info.blobs().toAbsolutePath().toString())
            .put("tokenFile", info.tokenFile().toAbsolutePath().toString())
            .put("startedAt", info.startedAt().toString());
    byte[] line = (json + "\n").getBytes(StandardCharsets.UTF_8);
    try {
      write(file, line);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.BAD_CONFIG, file + " cannot be written: " + e, e);
    }
  }

  private static void checkFolder(Path folder, IOException cause) {
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "run directory " + folder + " is not a directory", cause);
    }
  }

  private static void check(Path path, UserPrincipal self) throws IOException {
    PosixFileAttributes attributes =
        Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    if (!attributes.isDirectory() && !attributes.isRegularFile()) {
      throw new LarderException(ErrorCode.BAD_CONFIG, path + " is neither file nor directory");
    }
    if (!attributes.owner().equals(self)) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          path + " belongs to " + attributes.owner().getName() + ", not to " + self.getName());
    }
    if (attributes.permissions().stream().anyMatch(OTHERS::contains)) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, path + " is open to others; mend it with: chmod go= " + path);
    }
  }

  private static LarderException badToken(Path file) {
    return new LarderException(
        ErrorCode.BAD_CONFIG,
        "token file "
            + file
            + " must hold 16 to 512 printable characters; delete it to get a new token");
  }

  /** Written whole or not at all: under another name first, synced, then renamed. */
  private static void write(Path file, byte[] content) throws IOException {
    Path target = file.toAbsolutePath();
    Path parent = target.getParent();
    if (parent == null) {
      throw new IOException("not a file: " + file);
    }
    Path draft = Files.createTempFile(parent, "." + target.getFileName(), ".new", FILE_MODE);
    boolean moved = false;
    try {
      try (FileChannel channel = FileChannel.open(draft, StandardOpenOption.WRITE)) {
        ByteBuffer bytes = ByteBuffer.wrap(content);
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE);
      moved = true;
    } finally {
      if (!moved) {
        Files.deleteIfExists(draft);
      }
    }
  }
}
