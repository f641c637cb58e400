package dev.larder.erofs;

import dev.larder.protocol.BlobKey;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Where {@link CatalogPacker} takes the bytes of small files from. */
@FunctionalInterface
public interface SmallFileSource {
  /**
   * The whole content of a blob, checked by the source: what it returns goes into the image as it
   * is, and only its length is compared with the catalog's.
   *
   * <p><b>Ownership:</b> the source's; the packer reads from position to limit before the next call
   * and keeps nothing. <b>Threads:</b> the packer's; may block.
   *
   * @return null if the source has no such blob
   * @throws RuntimeException ends the packing and reaches its caller unchanged
   */
  @Nullable ByteBuffer read(BlobKey key);
}
