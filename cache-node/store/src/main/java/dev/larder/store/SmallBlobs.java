package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.Counters.Counter;
import dev.larder.store.evict.UnitId;
import dev.larder.store.index.BlobRecord;
import dev.larder.store.index.SmallRecord;
import java.nio.ByteBuffer;
import java.util.Optional;

/** Blobs of at most 64 KiB: values in the index, checked on every read. */
final class SmallBlobs {
  private final StoreParts parts;
  private final Removal removal;
  private final Evictor evictor;

  SmallBlobs(StoreParts parts, Removal removal, Evictor evictor) {
    this.parts = parts;
    this.removal = removal;
    this.evictor = evictor;
  }

  Optional<ByteBuffer> read(BlobKey key) {
    Optional<SmallRecord> found = parts.index().small(key);
    if (found.filter(SmallBlobs::isRight).isPresent()) {
      ByteBuffer content = found.get().content();
      parts.counters().add(Counter.VERIFIED_BYTES_TOTAL, content.remaining());
      parts.order().used(UnitId.whole(key));
      return Optional.of(content.asReadOnlyBuffer());
    }
    if (found.isPresent() || isRecorded(key)) {
      dropIfWrong(key);
    }
    return Optional.empty();
  }

  private static boolean isRight(SmallRecord record) {
    return Digests.rootOf(record.content()).equals(record.root());
  }

  private boolean isRecorded(BlobKey key) {
    return parts
        .index()
        .blob(key)
        .filter(record -> record.state() == BlobRecord.State.SEALED_SMALL)
        .isPresent();
  }

  /** Looks again under the lock, as another thread may have stored the blob meanwhile. */
  private void dropIfWrong(BlobKey key) {
    try (KeyLocks.Held held = parts.locks().lock(key)) {
      Optional<SmallRecord> found = parts.index().small(key);
      if (found.filter(SmallBlobs::isRight).isPresent()) {
        return;
      }
      Optional<BlobRecord> record = parts.index().blob(key);
      if (record.isPresent() && record.get().state() == BlobRecord.State.SEALED_SMALL) {
        parts.counters().increment(Counter.CORRUPT_BLOBS_TOTAL);
        removal.remove(key, record.get());
      } else if (found.isPresent()) {
        parts.counters().increment(Counter.CORRUPT_BLOBS_TOTAL);
        parts.index().change(false, change -> change.removeSmall(key));
      }
    }
  }

  SealedInfo put(BlobKey key, ByteBuffer content, Trust trust, Optional<Digest> root) {
    int size = content.remaining();
    if (!Blocks.isSmall(size)) {
      throw new LarderException(
          ErrorCode.BAD_REQUEST,
          "a small blob has at most " + Blocks.SMALL_BLOB_BYTES_MAX + " bytes, got " + size);
    }
    Digest own = check(key, content, root);
    Trust earned = key.kind() == BlobKey.Kind.SHA256 ? Trust.VERIFIED : trust;
    BlobRecord record = BlobRecord.sealed(BlobRecord.State.SEALED_SMALL, size, own, earned);
    evictor.reserve(record.chargeBytes());
    boolean fresh;
    boolean charged = false;
    SealedInfo info;
    try (KeyLocks.Held held = parts.locks().lock(key)) {
      Optional<BlobRecord> before = parts.index().blob(key);
      fresh = before.isEmpty() || !before.get().isSealed();
      if (fresh) {
        if (before.isPresent()) {
          removal.remove(key, before.get());
        }
        parts
            .index()
            .change(
                false,
                change -> {
                  change.putSmall(key, new SmallRecord(earned, own, content));
                  change.putBlob(key, null, record);
                  change.unreserve(record.chargeBytes());
                });
        charged = true;
        parts.order().admitted(UnitId.whole(key), record.chargeBytes());
        info = Sealer.info(key, record);
      } else {
        info = existing(key, before.get(), size);
      }
    } finally {
      if (!charged) {
        parts.space().release(record.chargeBytes());
      }
    }
    if (fresh) {
      parts.counters().increment(Counter.SEALED_TOTAL);
      parts.listeners().sealed(info);
    }
    return info;
  }

  private static SealedInfo existing(BlobKey key, BlobRecord record, long size) {
    if (record.sizeBytes() != size) {
      throw new LarderException(
          ErrorCode.ALREADY_EXISTS,
          key + " is known with " + record.sizeBytes() + " bytes, not " + size);
    }
    return Sealer.info(key, record);
  }

  private static Digest check(BlobKey key, ByteBuffer content, Optional<Digest> root) {
    Digest own = Digests.rootOf(content);
    if (root.isPresent() && !root.get().equals(own)) {
      throw new LarderException(
          ErrorCode.ORIGIN_CORRUPT, key + ": root is " + own + ", recorded is " + root.get());
    }
    if (key.kind() == BlobKey.Kind.SHA256) {
      Digest digest = Digests.ofBytes(content.duplicate());
      if (!digest.equals(key.digest())) {
        throw new LarderException(
            ErrorCode.ORIGIN_CORRUPT, key + ": content has the digest " + digest);
      }
    }
    return own;
  }
}
