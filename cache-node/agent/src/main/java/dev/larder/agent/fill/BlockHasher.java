package dev.larder.agent.fill;

import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * Hashes one block, piece by piece in order, on threads of a shared pool; blocks are hashed beside
 * one another. Takes the pieces' buffers over and gives them back to their pool.
 */
final class BlockHasher {
  private final Executor threads;
  private final BufferPool pool;
  private final MessageDigest sha = Digests.sha256();
  private final CompletableFuture<Digest> digest = new CompletableFuture<>();
  private final ArrayDeque<Piece> queue = new ArrayDeque<>(4);
  private boolean isAtWork;

  BlockHasher(Executor threads, BufferPool pool) {
    this.threads = threads;
    this.pool = pool;
  }

  /** Hashes the buffer's remaining bytes; {@code isLast} ends the block. */
  void add(ByteBuffer buffer, boolean isLast) {
    synchronized (queue) {
      queue.add(new Piece(buffer, isLast));
      if (isAtWork) {
        return;
      }
      isAtWork = true;
    }
    threads.execute(this::drain);
  }

  /** Done once the last piece was hashed; never, when there is no last piece. */
  CompletableFuture<Digest> digest() {
    return digest;
  }

  private void drain() {
    for (Piece piece = poll(); piece != null; piece = poll()) {
      try {
        sha.update(piece.buffer);
      } finally {
        pool.release(piece.buffer);
      }
      if (piece.isLast) {
        digest.complete(Digest.of(sha.digest()));
      }
    }
  }

  private @Nullable Piece poll() {
    synchronized (queue) {
      Piece piece = queue.poll();
      isAtWork = piece != null;
      return piece;
    }
  }

  private record Piece(ByteBuffer buffer, boolean isLast) {}
}
