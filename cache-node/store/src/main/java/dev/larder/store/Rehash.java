package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.store.index.StripeRecord;
import dev.larder.store.posix.PosixFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * A file's size, digests and root, read from its bytes.
 *
 * @param stripes one record per stripe, all complete
 * @param contentMatches whether the whole content has the digest of a {@code sha256:} key; false
 *     for other keys
 */
record Rehash(long sizeBytes, Digest root, List<StripeRecord> stripes, boolean contentMatches) {

  /** Reads a whole file; gives up with an IOException when {@code stop} says so. */
  static Rehash of(BlobKey key, Path path, BufferPool buffers, BooleanSupplier stop)
      throws IOException {
    boolean hashWhole = key.kind() == BlobKey.Kind.SHA256;
    MessageDigest whole = Digests.sha256();
    List<StripeRecord> stripes = new ArrayList<>();
    List<Digest> stripeDigests = new ArrayList<>();
    try (PosixFile file = PosixFile.openReadOnly(path)) {
      long size = file.size();
      for (int stripe = 0; stripe < Blocks.stripeCount(size); stripe++) {
        List<Digest> blocks = new ArrayList<>();
        for (int i = 0; i < Blocks.blocksInStripe(size, stripe); i++) {
          if (stop.getAsBoolean()) {
            throw new IOException("stopped");
          }
          long block = (long) stripe * Blocks.STRIPE_BLOCKS + i;
          try (BufferPool.Lease lease = buffers.take()) {
            ByteBuffer bytes = lease.buffer().limit(Blocks.blockLength(size, block));
            file.read(Blocks.blockOffset(block), bytes);
            if (bytes.hasRemaining()) {
              throw new IOException("the file became shorter: " + path);
            }
            bytes.flip();
            if (hashWhole) {
              whole.update(bytes.duplicate());
            }
            blocks.add(Digests.ofBytes(bytes));
          }
        }
        stripes.add(StripeRecord.EMPTY.with(0, blocks));
        stripeDigests.add(Digests.stripe(blocks));
      }
      return new Rehash(
          size,
          Digests.root(size, stripeDigests),
          stripes,
          hashWhole && Digest.of(whole.digest()).equals(key.digest()));
    }
  }
}
