package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.Counters.Counter;
import dev.larder.store.checksum.ContentHasher;
import dev.larder.store.evict.UnitId;
import dev.larder.store.index.BlobRecord;
import dev.larder.store.index.StripeRecord;
import dev.larder.store.posix.PosixFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Makes complete blobs final.
 *
 * <p>Order on disk: data (synced when their blocks were committed), rename into {@code blobs/}, its
 * folder there synced, then the record, synced. A crash in between leaves a file in {@code blobs/}
 * that the index calls filling, which {@link Recovery} hashes again.
 */
final class Sealer {
  private static final int MODE_SEALED = 0444;
  private static final int MODE_FILL = 0600;

  private final StoreParts parts;
  private final Removal removal;

  Sealer(StoreParts parts, Removal removal) {
    this.parts = parts;
    this.removal = removal;
  }

  /** See {@link BlobStore.Fill#seal}; what was declared complete is committed already. */
  SealedInfo seal(
      OpenBlob blob, Trust atLeast, Optional<Digest> root, Optional<ContentChecksum> checksum) {
    blob.sealing.lock();
    try {
      if (blob.isGone()) {
        throw Faults.gone();
      }
      if (blob.isSealed()) {
        return info(blob.key, blob.record());
      }
      long missing = blob.firstMissing();
      if (missing >= 0) {
        throw new LarderException(
            ErrorCode.UNKNOWN_BLOB, "block " + missing + " of " + blob.key + " is not present");
      }
      if (blob.sizeBytes > parts.space().capacity()) {
        throw new LarderException(
            ErrorCode.STORE_FULL, blob.key + " is larger than the budget and stays in stripes");
      }
      Digest own = root(blob);
      Optional<String> fault = mismatch(blob, own, root, checksum);
      if (fault.isPresent()) {
        throw reject(blob, fault.get());
      }
      boolean vouched =
          blob.key.kind() == BlobKey.Kind.SHA256
              || checksum.isPresent()
              || atLeast == Trust.VERIFIED;
      SealedInfo info = publish(blob, own, vouched ? Trust.VERIFIED : Trust.ATTESTED);
      parts.index().sync();
      parts.counters().increment(Counter.SEALED_TOTAL);
      parts.listeners().sealed(info);
      return info;
    } finally {
      blob.sealing.unlock();
    }
  }

  static SealedInfo info(BlobKey key, BlobRecord record) {
    return new SealedInfo(
        key, record.sizeBytes(), record.root().orElseThrow(), record.trust().orElseThrow());
  }

  private Digest root(OpenBlob blob) {
    List<Digest> stripes = new ArrayList<>();
    for (int stripe = 0; stripe < Blocks.stripeCount(blob.sizeBytes); stripe++) {
      int count = Blocks.blocksInStripe(blob.sizeBytes, stripe);
      StripeRecord record = parts.index().stripe(blob.key, stripe);
      if (!record.isComplete(count)) {
        throw new LarderException(
            ErrorCode.UNKNOWN_BLOB, "stripe " + stripe + " of " + blob.key + " is not present");
      }
      stripes.add(Digests.stripe(record.digests(count)));
    }
    return Digests.root(blob.sizeBytes, stripes);
  }

  private Optional<String> mismatch(
      OpenBlob blob, Digest own, Optional<Digest> root, Optional<ContentChecksum> checksum) {
    if (root.isPresent() && !root.get().equals(own)) {
      return Optional.of("root is " + own + ", recorded is " + root.get());
    }
    List<ContentChecksum> wanted = new ArrayList<>();
    boolean isSha = blob.key.kind() == BlobKey.Kind.SHA256;
    ContentChecksum ofKey =
        new ContentChecksum(ContentChecksum.Algorithm.SHA256, blob.key.digest().bytes());
    if (isSha && !hashedAhead(blob)) {
      wanted.add(ofKey);
    }
    checksum.filter(each -> !(isSha && each.equals(ofKey))).ifPresent(wanted::add);
    return wanted.isEmpty() ? Optional.empty() : compare(blob, wanted);
  }

  /**
   * Whether what was hashed while the blob filled is the key's digest; if not, all is read again.
   */
  private static boolean hashedAhead(OpenBlob blob) {
    try {
      return blob.prefix != null && blob.prefix.finish().equals(blob.key.digest());
    } catch (IOException e) {
      throw Faults.of(e);
    }
  }

  private Optional<String> compare(OpenBlob blob, List<ContentChecksum> wanted) {
    List<ContentHasher> hashers = new ArrayList<>();
    wanted.forEach(each -> hashers.add(ContentHasher.of(each.algorithm())));
    try (BufferPool.Lease lease = parts.buffers().take()) {
      for (long offset = 0; offset < blob.sizeBytes; ) {
        ByteBuffer bytes = lease.buffer().clear();
        bytes.limit((int) Math.min(bytes.capacity(), blob.sizeBytes - offset));
        long at = offset;
        offset += blob.withFile(file -> file.read(at, bytes));
        if (bytes.hasRemaining()) {
          return Optional.of("the file ends at " + offset);
        }
        bytes.flip();
        hashers.forEach(hasher -> hasher.update(bytes.duplicate()));
      }
    } catch (IOException e) {
      throw Faults.of(e);
    }
    for (int i = 0; i < wanted.size(); i++) {
      byte[] got = hashers.get(i).value();
      if (!Arrays.equals(got, wanted.get(i).value())) {
        return Optional.of(
            "content is "
                + new ContentChecksum(wanted.get(i).algorithm(), got)
                + ", expected "
                + wanted.get(i));
      }
    }
    return Optional.empty();
  }

  private LarderException reject(OpenBlob blob, String reason) {
    parts.counters().increment(Counter.CORRUPT_BLOBS_TOTAL);
    try (KeyLocks.Held held = parts.locks().lock(blob.key)) {
      if (!blob.isGone()) {
        removal.setAside(blob.key, blob.record(), reason);
      }
    }
    return new LarderException(ErrorCode.ORIGIN_CORRUPT, blob.key + " was set aside: " + reason);
  }

  private SealedInfo publish(OpenBlob blob, Digest root, Trust trust) {
    blob.state.lock();
    try {
      if (blob.isGone()) {
        throw Faults.gone();
      }
      Path from = blob.path();
      Path to = parts.directory().blobPath(blob.key);
      BlobRecord before = blob.record();
      BlobRecord after =
          BlobRecord.sealed(BlobRecord.State.SEALED_FILE, blob.sizeBytes, root, trust);
      after = before.doomed() ? after.asDoomed() : after;
      move(blob, from, to, MODE_SEALED);
      try {
        BlobRecord sealed = after;
        parts.index().change(false, change -> change.putBlob(blob.key, before, sealed));
      } catch (LarderException e) {
        move(blob, to, from, MODE_FILL);
        throw e;
      }
      blob.record(after);
      blob.path(to);
      for (int stripe = 0; stripe < blob.present.length(); stripe++) {
        parts.order().removed(new UnitId(blob.key, stripe));
      }
      parts.order().admitted(UnitId.whole(blob.key), blob.sizeBytes);
      return info(blob.key, after);
    } catch (IOException e) {
      throw Faults.of(e);
    } finally {
      blob.state.unlock();
    }
  }

  private static void move(OpenBlob blob, Path from, Path to, int mode) throws IOException {
    Path target = java.util.Objects.requireNonNull(to.getParent());
    StoreDirectory.createFolder(target);
    // Read-only only once it is in blobs/: a fill that a crash left read-only could not be gone on
    // with by an agent that is not root.
    if (mode == MODE_FILL) {
      setMode(blob, mode);
    }
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    if (mode == MODE_SEALED) {
      setMode(blob, mode);
    }
    // One folder is enough: if the old name outlives a power loss beside the new one, recovery
    // removes it. Each thread syncs its own, as the kernel makes one commit of what comes together.
    PosixFile.syncFolder(target);
  }

  private static void setMode(OpenBlob blob, int mode) throws IOException {
    blob.withFile(file -> {
      file.mode(mode);
      return true;
    });
  }
}
