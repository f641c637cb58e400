package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Trust;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * One node's store of blobs.
 *
 * <p><b>States of a blob:</b> absent, filling (some blocks present), sealed (complete, final), and
 * quarantined (set aside, answered as absent). A block is <em>present</em> when its bytes were
 * hashed, are on stable storage and the index says so; nothing else is ever returned.
 *
 * <p><b>Threads:</b> any; calls may block on the disk. <b>Ownership:</b> the caller closes every
 * {@link Fill} and {@link SealedBlob} it got; an open one is never evicted.
 *
 * <p><b>Errors:</b> {@link dev.larder.protocol.LarderException} with STORE_FULL (no room even after
 * eviction: read on from the origin), STORE_IO, STORE_CORRUPT (the block or blob was dropped; fetch
 * it again), CLOSED. An absent blob is an empty value.
 *
 * <p><b>Not guaranteed:</b> that a blob found now is still there at the next call, unless it is
 * open or pinned.
 */
public interface BlobStore extends AutoCloseable {

  /**
   * What the store knows of a blob, without reading it; empty when absent. Does not count as use.
   */
  Optional<BlobInfo> find(BlobKey key);

  /**
   * The whole content of a small blob (at most 64 KiB), checked against its root on this call, as a
   * read-only buffer the caller owns; empty when absent or found corrupt (then dropped and
   * counted).
   */
  Optional<ByteBuffer> readSmall(BlobKey key);

  /**
   * Stores a small blob whole and seals it. A {@code sha256:} key must match the content.
   *
   * @param content its remaining bytes, at most 64 KiB; the position is left alone
   * @param root recorded root the content must match, when one is known
   * @throws dev.larder.protocol.LarderException ORIGIN_CORRUPT if a digest does not match,
   *     STORE_FULL
   */
  SealedInfo putSmall(BlobKey key, ByteBuffer content, Trust trust, Optional<Digest> root);

  /**
   * Stores a whole file as a blob and seals it: catalogs and images. The file is moved or copied in
   * and always kept as a file, however small.
   */
  SealedInfo putFile(BlobKey key, Path file, Trust trust);

  /**
   * Opens a blob larger than 64 KiB for filling, creating it if absent. All callers of one key
   * share the same state. If the blob was sealed meanwhile, {@link Fill#isSealed} says so and every
   * block is present.
   *
   * @throws dev.larder.protocol.LarderException ALREADY_EXISTS if the key is known with another
   *     size
   */
  Fill openFill(BlobKey key, long sizeBytes);

  /** Opens a sealed blob that is kept as a file; empty when it is not sealed or not a file. */
  Optional<SealedBlob> openSealed(BlobKey key);

  /**
   * The block digests of one stripe (of a blob kept as a file): those present, null where not.
   * Empty when the blob is absent.
   */
  Optional<StripeDigests> digests(BlobKey key, int stripe);

  /**
   * Protects a blob from eviction until unpinned; may name an absent blob. Pins are durable and
   * counted per owner: pinning twice with one owner is one pin.
   */
  void pin(BlobKey key, String owner);

  /**
   * Pins some thousands of blobs at most as {@link #pin} would, durable together: one wait for the
   * disk where that takes one for each.
   */
  default void pinAll(Collection<BlobKey> keys, String owner) {
    keys.forEach(key -> pin(key, owner));
  }

  /** Takes one owner's pin away; no effect if there is none. */
  void unpin(BlobKey key, String owner);

  /** Drops a blob whatever its state (invalidate); an open one goes when it is closed. */
  boolean delete(BlobKey key);

  /** Sets a blob aside as suspect: it is absent from now on, its file is kept for inspection. */
  boolean quarantine(BlobKey key, String reason);

  /** Visits the keys and states of all blobs, in no particular order, weakly consistent. */
  void forEach(Consumer<BlobInfo> visitor);

  /** Listens for sealed and evicted blobs; called from store threads, must not block. */
  void addListener(StoreListener listener);

  /** Sets who is asked before a sealed blob is evicted, in place of who was before. */
  void guardEvictions(VictimGuard guard);

  /**
   * Re-hashes sealed blobs, least recently scrubbed first, until about this many bytes were read.
   * The agent calls it at its pace.
   */
  ScrubReport scrub(long bytesMax);

  /** Figures for metrics and {@code larder status}; cheap. */
  StoreStats stats();

  /** Waits for queued commits, then releases everything; idempotent. */
  @Override
  void close();

  /** Size, state, trust of a blob. Root is known once sealed. */
  record BlobInfo(
      BlobKey key,
      State state,
      long sizeBytes,
      long presentBytes,
      Optional<Digest> root,
      Optional<Trust> trust,
      boolean pinned) {}

  /** Where a blob stands. */
  enum State {
    /** Not all blocks present. */
    FILLING,
    /** Complete, checked, final. */
    SEALED
  }

  /** Result of sealing. */
  record SealedInfo(BlobKey key, long sizeBytes, Digest root, Trust trust) {}

  /** Block digests of a stripe, null where the block is not present. */
  record StripeDigests(int stripe, List<Optional<Digest>> blocks) {}

  /** What one pass of the scrub did. */
  record ScrubReport(long blobs, long bytes, long corrupt) {}

  /** Hears of blobs that came or went. */
  interface StoreListener {
    /** The blob is complete and final; if it is kept as a file, that is in {@code blobs/}. */
    void onSealed(SealedInfo info);

    /**
     * The blob (or, with {@code whole} false, some of its blocks) is gone, and so is its file from
     * {@code blobs/}.
     */
    void onGone(BlobKey key, boolean whole);

    /**
     * Stripes {@code first} to {@code end}, exclusive, of a blob are no longer here as far as they
     * were; called beside {@link #onGone}, and like it before they may come again.
     */
    default void onDropped(BlobKey key, int first, int end) {}

    /**
     * The blob's bytes were found wrong and it was set aside: whoever keeps copies of them drops
     * those. {@link #onGone} follows.
     */
    default void onWrong(BlobKey key) {}
  }

  /** A blob being filled, shared by all who opened it. Any thread. */
  interface Fill extends AutoCloseable {
    /** The blob's key. */
    BlobKey key();

    /** The blob's size in bytes. */
    long sizeBytes();

    /** Whether the blob is sealed by now. */
    boolean isSealed();

    /** Whether a block is present (see {@link BlobStore}). */
    boolean isPresent(long block);

    /** Whether every block is present. */
    boolean isComplete();

    /**
     * Reserves room on disk for a range about to be written, evicting others if needed.
     *
     * @throws dev.larder.protocol.LarderException STORE_FULL
     */
    void reserve(long offset, long length);

    /**
     * Says that so many bytes more will be reserved soon: where the budget does not hold them, the
     * store begins to evict on a thread of its own, for 256 MiB or a sixteenth of the budget at
     * most. Nothing is reserved by this, and nothing fails.
     */
    void prepare(long bytes);

    /**
     * Writes bytes into the fill's file. They can be read back by {@link #channel} at once, but are
     * not present before {@link #complete}. Blocks that are present must not be written.
     */
    void write(long offset, ByteBuffer bytes);

    /**
     * Declares that all bytes of consecutive blocks were written and what their digests are.
     * Returns once queued; the future completes when the data are on stable storage and indexed
     * (group commit), or with STORE_IO or STORE_FULL.
     */
    java.util.concurrent.CompletableFuture<Void> complete(long firstBlock, List<Digest> digests);

    /**
     * Reads bytes of present blocks, checking each block's digest; returns the number of bytes
     * read, fewer than remaining at the end of the blob.
     *
     * @throws dev.larder.protocol.LarderException STORE_CORRUPT after dropping a bad block;
     *     UNKNOWN_BLOB if a block is not present
     */
    int read(long offset, ByteBuffer target);

    /**
     * A view for sending bytes that this process wrote and hashed (or is hashing) itself, before
     * they are committed. The channel belongs to the store: do not close it, do not move its
     * position.
     */
    java.nio.channels.FileChannel channel();

    /** The stripe's digest once all its blocks are present. */
    Optional<Digest> stripeDigest(int stripe);

    /**
     * Makes sure that the blocks that touch the range are present and were hashed and found right
     * since the blob was opened; blocks hashed before cost nothing. What was verified, and what
     * this process wrote and declared complete itself, may be sent from {@link #channel}.
     *
     * @throws dev.larder.protocol.LarderException STORE_CORRUPT after dropping a bad block;
     *     UNKNOWN_BLOB if a block is not present
     */
    default void verify(long offset, long length) {
      ByteBuffer scratch = ByteBuffer.allocate(64 << 10);
      long end = offset + length;
      for (long at = offset; at < end; ) {
        int got = read(at, scratch.clear().limit((int) Math.min(scratch.capacity(), end - at)));
        if (got <= 0) {
          return;
        }
        at += got;
      }
    }

    /**
     * Makes a stripe's blocks absent and gives their room back although the blob is open: how a
     * blob larger than the budget is read through. The caller sees to it that nobody sends the
     * stripe from {@link #channel} meanwhile.
     *
     * @return false if the blob is sealed or nothing of the stripe was present
     */
    default boolean drop(int stripe) {
      return false;
    }

    /**
     * Makes a complete blob final: checks the content against the key ({@code sha256:} keys), the
     * expected root and the origin's checksum where given, renames the file into {@code blobs/}.
     * Idempotent. The result is VERIFIED if the key or a checksum vouched for the content or {@code
     * atLeast} says so, else ATTESTED.
     *
     * @throws dev.larder.protocol.LarderException ORIGIN_CORRUPT on a mismatch: all blocks were
     *     dropped (quarantined); STORE_FULL; UNKNOWN_BLOB if a block is missing
     */
    SealedInfo seal(
        Trust atLeast, Optional<Digest> expectedRoot, Optional<ContentChecksum> checksum);

    /** Gives this caller's share back; idempotent. */
    @Override
    void close();
  }

  /**
   * A sealed blob's file, open for reading; the descriptor is shared and stays valid until close.
   */
  interface SealedBlob extends AutoCloseable {
    /** Key, size, root, trust. */
    SealedInfo info();

    /** The file under {@code blobs/}. */
    Path path();

    /**
     * For sendfile; belongs to the store: do not close it, do not move its position. Send only
     * ranges that {@link #verify} accepted.
     */
    java.nio.channels.FileChannel channel();

    /**
     * Makes sure that the blocks that touch the range were hashed and found right since this store
     * was opened; blocks hashed before cost nothing.
     *
     * @throws dev.larder.protocol.LarderException STORE_CORRUPT after the blob was quarantined
     */
    void verify(long offset, long length);

    /** Reads bytes, checked; returns their number, fewer than remaining at the end of the blob. */
    int read(long offset, ByteBuffer target);

    /** Gives the file back; idempotent. */
    @Override
    void close();
  }
}
