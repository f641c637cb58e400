package dev.larder.agent;

import dev.larder.agent.dataset.CatalogSource;
import dev.larder.agent.dataset.LocalDatasets;
import dev.larder.agent.fill.Members;
import dev.larder.agent.fill.Members.MemberRead;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Catalogs from the members that reported them. Any thread. */
final class MemberCatalogs implements CatalogSource {
  private static final Logger log = LoggerFactory.getLogger(MemberCatalogs.class);
  private static final int BUFFER_BYTES = 1 << 18;

  /**
   * Who made a catalog reports it a moment later; listing the origin again costs more than this.
   */
  private static final long REPORT_NANOS = Duration.ofSeconds(2).toNanos();

  private static final long ASK_AGAIN_NANOS = Duration.ofMillis(100).toNanos();

  private final Members members;

  MemberCatalogs(Members members) {
    this.members = members;
  }

  @Override
  public boolean fetch(BlobKey catalog, long sizeBytes, Path file) {
    for (String member : holders(catalog)) {
      try {
        copy(member, catalog, sizeBytes, file);
        return true;
      } catch (LarderException e) {
        if (e.code() == ErrorCode.CANCELLED || e.code() == ErrorCode.STORE_IO) {
          throw e;
        }
        log.info("catalog not had from member={} key={} code={}", member, catalog, e.code());
      }
    }
    return false;
  }

  private List<String> holders(BlobKey catalog) {
    long began = System.nanoTime();
    List<String> holders = members.holders(catalog);
    while (holders.isEmpty()
        && !members.isAlone()
        && System.nanoTime() - began < REPORT_NANOS
        && !Thread.currentThread().isInterrupted()) {
      LockSupport.parkNanos(ASK_AGAIN_NANOS);
      holders = members.holders(catalog);
    }
    return holders;
  }

  private void copy(String member, BlobKey catalog, long sizeBytes, Path file) {
    ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
    try {
      Files.deleteIfExists(file);
      try (MemberRead in = members.open(member, catalog, 0, sizeBytes);
          FileChannel out =
              FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        long left = sizeBytes;
        while (left > 0) {
          buffer.clear().limit((int) Math.min(BUFFER_BYTES, left));
          int count = in.read(buffer);
          if (count < 0) {
            throw new LarderException(
                ErrorCode.AGENT_UNAVAILABLE, "member " + member + " broke off");
          }
          left -= count;
          buffer.flip();
          while (buffer.hasRemaining()) {
            out.write(buffer);
          }
        }
      }
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_IO, "cannot write a catalog: " + e, e);
    }
  }

  /** Whether a blob is the catalog of a snapshot that this node knows. */
  static boolean isCatalog(LocalDatasets datasets, BlobKey key) {
    return key.kind() == BlobKey.Kind.SHA256
        && datasets.list().stream()
            .flatMap(dataset -> dataset.snapshots().stream())
            .anyMatch(snapshot -> snapshot.catalog().equals(key));
  }
}
