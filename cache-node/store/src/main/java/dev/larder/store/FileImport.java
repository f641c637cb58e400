package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digests;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.Fill;
import dev.larder.store.BlobStore.SealedInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Copies a whole file in as a sealed blob. The source stays as it is. */
final class FileImport {
  private FileImport() {}

  static SealedInfo run(BlobStore store, StoreParts parts, BlobKey key, Path source, Trust trust) {
    try (FileChannel in = FileChannel.open(source, StandardOpenOption.READ)) {
      try (Fill fill = store.openFill(key, in.size())) {
        if (!fill.isSealed()) {
          fill.reserve(0, fill.sizeBytes());
          copy(in, fill, parts.buffers());
        }
        return fill.seal(trust, Optional.empty(), Optional.empty());
      }
    } catch (IOException e) {
      throw Faults.of(e);
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException fault) {
        throw fault;
      }
      throw e;
    }
  }

  private static void copy(FileChannel in, Fill fill, BufferPool buffers) throws IOException {
    CompletableFuture<Void> all = CompletableFuture.completedFuture(null);
    for (long block = 0; block < Blocks.blockCount(fill.sizeBytes()); block++) {
      if (fill.isPresent(block)) {
        continue;
      }
      try (BufferPool.Lease lease = buffers.take()) {
        int length = Blocks.blockLength(fill.sizeBytes(), block);
        ByteBuffer bytes = lease.buffer().limit(length);
        while (bytes.hasRemaining()) {
          if (in.read(bytes, Blocks.blockOffset(block) + bytes.position()) < 0) {
            throw new IOException("the file became shorter while it was copied");
          }
        }
        bytes.flip();
        fill.write(Blocks.blockOffset(block), bytes.duplicate());
        CompletableFuture<Void> one = fill.complete(block, List.of(Digests.ofBytes(bytes)));
        all = all.thenCombine(one, (first, second) -> second);
      }
    }
    all.join();
  }
}
