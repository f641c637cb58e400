package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The contract of {@link BlobStore} in the plainest way: one lock, maps, least recently used. What
 * it must keep across a restart lives in {@link Disk}; bytes live in files because the interface
 * hands out channels.
 */
final class ReferenceStore implements BlobStore {

  /** What survives a restart. */
  static final class Disk implements AutoCloseable {
    final Path directory;
    final Map<BlobKey, ReferenceBlob> blobs = new LinkedHashMap<>(16, 0.75f, true);
    final Map<BlobKey, List<String>> pins = new LinkedHashMap<>();
    int files;

    Disk(Path directory) {
      this.directory = directory;
    }

    @Override
    public void close() {
      blobs.values().forEach(ReferenceBlob::closeFile);
    }
  }

  final Disk disk;
  private final long budget;
  private final List<StoreListener> listeners = new ArrayList<>();
  private VictimGuard guard = (key, file) -> true;
  private long evictedBytes;
  boolean closed;

  ReferenceStore(Disk disk, long budget) {
    this.disk = disk;
    this.budget = budget == 0 ? Long.MAX_VALUE : budget;
  }

  static LarderException fault(ErrorCode code, String message) {
    return new LarderException(code, message);
  }

  void requireOpen() {
    if (closed) {
      throw fault(ErrorCode.CLOSED, "closed");
    }
  }

  private Optional<ReferenceBlob> visible(BlobKey key) {
    return Optional.ofNullable(disk.blobs.get(key)).filter(blob -> !blob.doomed);
  }

  @Override
  public synchronized Optional<BlobInfo> find(BlobKey key) {
    requireOpen();
    return visible(key).map(this::info);
  }

  private BlobInfo info(ReferenceBlob blob) {
    return new BlobInfo(
        blob.key,
        blob.sealed != null ? State.SEALED : State.FILLING,
        blob.size,
        blob.presentBytes(),
        Optional.ofNullable(blob.sealed).map(SealedInfo::root),
        Optional.ofNullable(blob.sealed).map(SealedInfo::trust),
        disk.pins.containsKey(blob.key));
  }

  @Override
  public synchronized Optional<ByteBuffer> readSmall(BlobKey key) {
    requireOpen();
    return visible(key)
        .filter(blob -> blob.small != null)
        .map(blob -> ByteBuffer.wrap(blob.small).asReadOnlyBuffer());
  }

  @Override
  public synchronized SealedInfo putSmall(
      BlobKey key, ByteBuffer content, Trust trust, Optional<Digest> root) {
    requireOpen();
    if (!Blocks.isSmall(content.remaining())) {
      throw fault(ErrorCode.BAD_REQUEST, "not small");
    }
    Digest own = Digests.rootOf(content);
    boolean isSha = key.kind() == BlobKey.Kind.SHA256;
    if ((root.isPresent() && !root.get().equals(own))
        || (isSha && !Digests.ofBytes(content.duplicate()).equals(key.digest()))) {
      throw fault(ErrorCode.ORIGIN_CORRUPT, "digest");
    }
    ReferenceBlob before = disk.blobs.get(key);
    if (before != null && before.sealed != null) {
      if (before.size != content.remaining()) {
        throw fault(ErrorCode.ALREADY_EXISTS, "other size");
      }
      return before.sealed;
    }
    makeRoom(content.remaining());
    ReferenceBlob blob = new ReferenceBlob(this, key, content.remaining());
    blob.small = new byte[content.remaining()];
    content.duplicate().get(blob.small);
    blob.sealed = new SealedInfo(key, blob.size, own, isSha ? Trust.VERIFIED : trust);
    disk.blobs.put(key, blob);
    sealed(blob);
    return blob.sealed;
  }

  @Override
  public SealedInfo putFile(BlobKey key, Path file, Trust trust) {
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    try (Fill fill = openFill(key, bytes.length)) {
      for (long block = 0; block < Blocks.blockCount(bytes.length) && !fill.isSealed(); block++) {
        int offset = (int) Blocks.blockOffset(block);
        int length = Blocks.blockLength(bytes.length, block);
        fill.write(offset, ByteBuffer.wrap(bytes, offset, length));
        fill.complete(block, List.of(Digests.ofBytes(ByteBuffer.wrap(bytes, offset, length))));
      }
      return fill.seal(trust, Optional.empty(), Optional.empty());
    }
  }

  @Override
  public synchronized Fill openFill(BlobKey key, long sizeBytes) {
    requireOpen();
    ReferenceBlob blob = disk.blobs.get(key);
    if (blob != null && (blob.size != sizeBytes || blob.small != null)) {
      throw fault(ErrorCode.ALREADY_EXISTS, "other size or small");
    }
    if (blob == null) {
      blob = new ReferenceBlob(this, key, sizeBytes);
      blob.openFile();
      disk.blobs.put(key, blob);
    }
    blob.opens++;
    return new ReferenceHandles.ReferenceFill(this, blob);
  }

  @Override
  public synchronized Optional<SealedBlob> openSealed(BlobKey key) {
    requireOpen();
    return visible(key)
        .filter(blob -> blob.sealed != null && blob.small == null)
        .map(blob -> {
          blob.opens++;
          return new ReferenceHandles.ReferenceSealed(this, blob);
        });
  }

  @Override
  public synchronized Optional<StripeDigests> digests(BlobKey key, int stripe) {
    requireOpen();
    return visible(key).filter(blob -> blob.small == null).map(blob -> blob.digests(stripe));
  }

  @Override
  public synchronized void pin(BlobKey key, String owner) {
    requireOpen();
    List<String> owners = disk.pins.computeIfAbsent(key, each -> new ArrayList<>());
    if (!owners.contains(owner)) {
      owners.add(owner);
    }
  }

  @Override
  public synchronized void unpin(BlobKey key, String owner) {
    requireOpen();
    disk.pins.computeIfPresent(
        key,
        (each, owners) -> {
          owners.remove(owner);
          return owners.isEmpty() ? null : owners;
        });
  }

  @Override
  public synchronized boolean delete(BlobKey key) {
    requireOpen();
    Optional<ReferenceBlob> blob = visible(key);
    blob.ifPresent(each -> {
      each.doomed = true;
      removeIfUnused(each);
    });
    return blob.isPresent();
  }

  void removeIfUnused(ReferenceBlob blob) {
    if (blob.opens == 0 && (blob.doomed || (blob.sealed == null && blob.presentBytes() == 0))) {
      remove(blob);
    }
  }

  private void remove(ReferenceBlob blob) {
    if (disk.blobs.remove(blob.key, blob)) {
      if (blob.opens == 0) {
        blob.closeFile();
      }
      listeners.forEach(listener -> listener.onGone(blob.key, true));
      int end = Blocks.stripeCount(blob.size);
      listeners.forEach(listener -> listener.onDropped(blob.key, 0, end));
    }
  }

  @Override
  public synchronized boolean quarantine(BlobKey key, String reason) {
    requireOpen();
    ReferenceBlob blob = disk.blobs.get(key);
    if (blob == null) {
      return false;
    }
    setAside(blob);
    return true;
  }

  void setAside(ReferenceBlob blob) {
    blob.gone = true;
    blob.present.clear();
    listeners.forEach(listener -> listener.onWrong(blob.key));
    remove(blob);
  }

  @Override
  public synchronized void forEach(Consumer<BlobInfo> visitor) {
    requireOpen();
    List.copyOf(disk.blobs.values()).stream()
        .filter(blob -> !blob.doomed)
        .map(this::info)
        .forEach(visitor);
  }

  @Override
  public synchronized void addListener(StoreListener listener) {
    listeners.add(listener);
  }

  @Override
  public synchronized void guardEvictions(VictimGuard asked) {
    guard = asked;
  }

  private boolean isGranted(ReferenceBlob blob) {
    try {
      return blob.sealed == null || blob.small != null || guard.mayEvict(blob.key, blob.path());
    } catch (RuntimeException e) {
      return false;
    }
  }

  void sealed(ReferenceBlob blob) {
    SealedInfo info = java.util.Objects.requireNonNull(blob.sealed);
    listeners.forEach(listener -> listener.onSealed(info));
  }

  @Override
  public synchronized ScrubReport scrub(long bytesMax) {
    requireOpen();
    long blobs = 0;
    long bytes = 0;
    for (ReferenceBlob blob : disk.blobs.values()) {
      if (blob.sealed != null && bytes < bytesMax) {
        blobs++;
        bytes += blob.size;
      }
    }
    return new ScrubReport(blobs, bytes, 0);
  }

  @Override
  public synchronized StoreStats stats() {
    requireOpen();
    long sealed = disk.blobs.values().stream().filter(blob -> blob.sealed != null).count();
    long pinned =
        disk.blobs.values().stream()
            .filter(blob -> disk.pins.containsKey(blob.key))
            .mapToLong(ReferenceBlob::presentBytes)
            .sum();
    return new StoreStats(
        budget,
        used(),
        pinned,
        sealed,
        disk.blobs.size() - sealed,
        Map.of("evicted_bytes_total", evictedBytes),
        Map.of());
  }

  private long used() {
    return disk.blobs.values().stream().mapToLong(ReferenceBlob::presentBytes).sum();
  }

  /** Evicts the least recently used until this many more bytes fit. */
  void makeRoom(long bytes) {
    for (ReferenceBlob blob : List.copyOf(disk.blobs.values())) {
      if (used() + bytes <= budget) {
        return;
      }
      if (blob.opens == 0 && !disk.pins.containsKey(blob.key) && isGranted(blob)) {
        evictedBytes += blob.presentBytes();
        remove(blob);
      }
    }
    if (used() + bytes > budget) {
      throw fault(ErrorCode.STORE_FULL, "no room");
    }
  }

  long budget() {
    return budget;
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      for (ReferenceBlob blob : List.copyOf(disk.blobs.values())) {
        blob.opens = 0;
        removeIfUnused(blob);
      }
      closed = true;
    }
  }
}
