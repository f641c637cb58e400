package dev.larder.store;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.evict.EvictionPolicy;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The saved order of eviction: a hint in the policy's own checked format, so a damaged one costs a
 * worse order and nothing else.
 */
final class OrderFile {
  private static final Logger log = LoggerFactory.getLogger(OrderFile.class);
  private static final int BUFFER_BYTES = 1 << 16;

  private OrderFile() {}

  static void save(Path file, Order order) throws IOException {
    Path draft = file.resolveSibling(file.getFileName() + ".new");
    try (FileOutputStream raw = new FileOutputStream(draft.toFile());
        OutputStream out = new BufferedOutputStream(raw, BUFFER_BYTES)) {
      order.save(out);
      out.flush();
      raw.getFD().sync();
    }
    Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
  }

  /**
   * The saved policy; empty if there is none, or none that can be read. A newer one is set aside.
   */
  static Optional<EvictionPolicy> load(Path file, Quarantine quarantine) {
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), BUFFER_BYTES)) {
      return Optional.of(EvictionPolicy.load(in));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      log.warn("the saved order of eviction is not used: {}", e.toString());
      return Optional.empty();
    } catch (LarderException e) {
      log.warn("the saved order of eviction is not used: {}", e.toString());
      if (e.code() == ErrorCode.STORE_UNUSABLE) {
        setAside(file, quarantine);
      }
      return Optional.empty();
    }
  }

  private static void setAside(Path file, Quarantine quarantine) {
    try {
      quarantine.take(file, "the order of eviction has a newer format");
    } catch (IOException e) {
      throw Faults.of(e);
    }
  }
}
