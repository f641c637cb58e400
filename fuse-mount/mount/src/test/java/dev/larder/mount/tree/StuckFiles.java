package dev.larder.mount.tree;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.erofs.CatalogNode;
import dev.larder.mount.contract.Content;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Files whose reads wait for an origin that does not answer, until told or closed. */
final class StuckFiles implements TreeFiles {
  private final Map<BlobKey, Content> blobs;
  private final CompletableFuture<Void> answered = new CompletableFuture<>();

  /** One permit for each read that began to wait. */
  private final Semaphore waiting = new Semaphore(0);

  StuckFiles(Map<BlobKey, Content> blobs) {
    this.blobs = blobs;
  }

  /** The origin answers from now on. */
  void answer() {
    answered.complete(null);
  }

  /** Waits until so many more reads wait. */
  void awaitReads(int count) throws InterruptedException {
    assertTrue(
        waiting.tryAcquire(count, 30, TimeUnit.SECONDS),
        () -> "only " + waiting.availablePermits() + " of " + count + " reads came");
  }

  @Override
  public TreeFile open(CatalogNode file) {
    Content content = blobs.get(file.key().orElseThrow());
    CompletableFuture<Void> closed = new CompletableFuture<>();
    return new TreeFile() {
      @Override
      public boolean isLocal() {
        return false;
      }

      @Override
      public void read(long offset, ByteBuffer target) {
        waiting.release();
        try {
          CompletableFuture.anyOf(answered, closed).get(60, TimeUnit.SECONDS);
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
          throw new LarderException(ErrorCode.DEADLINE, "the test forgot this read", e);
        }
        if (closed.isDone()) {
          throw new LarderException(ErrorCode.CANCELLED, "closed");
        }
        content.read(offset, target);
      }

      @Override
      public void close() {
        closed.complete(null);
      }
    };
  }
}
