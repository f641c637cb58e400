package dev.larder.store;

import dev.larder.store.evict.EvictionPolicy;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;
import java.util.zip.CheckedOutputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The saved order of eviction: a hint, so a damaged or newer one costs a worse order and nothing
 * else.
 *
 * <p>Format 1: the four bytes {@code LEO1}, what the policy writes, CRC32C of both (8 bytes).
 */
final class OrderFile {
  private static final Logger log = LoggerFactory.getLogger(OrderFile.class);
  private static final int MAGIC = 0x4C454F31;
  private static final int BUFFER_BYTES = 1 << 16;

  private OrderFile() {}

  static void save(Path file, Order order) throws IOException {
    Path draft = file.resolveSibling(file.getFileName() + ".new");
    try (FileOutputStream raw = new FileOutputStream(draft.toFile())) {
      CheckedOutputStream checked =
          new CheckedOutputStream(new BufferedOutputStream(raw, BUFFER_BYTES), new CRC32C());
      DataOutputStream out = new DataOutputStream(checked);
      out.writeInt(MAGIC);
      order.save(out);
      out.flush();
      out.writeLong(checked.getChecksum().getValue());
      out.flush();
      raw.getFD().sync();
    }
    Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
  }

  /** The saved policy; empty if there is none, or none that can be read. */
  static Optional<EvictionPolicy> load(Path file) {
    try (InputStream raw = Files.newInputStream(file)) {
      CheckedInputStream checked =
          new CheckedInputStream(new BufferedInputStream(raw, BUFFER_BYTES), new CRC32C());
      DataInputStream in = new DataInputStream(checked);
      if (in.readInt() != MAGIC) {
        throw new IOException("unknown format");
      }
      EvictionPolicy policy = EvictionPolicy.load(in);
      long expected = checked.getChecksum().getValue();
      if (in.readLong() != expected) {
        throw new IOException("wrong checksum");
      }
      return Optional.of(policy);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException | RuntimeException e) {
      log.warn("the saved order of eviction is not used: {}", e.toString());
      return Optional.empty();
    }
  }
}
