package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Files that are open, and a bounded number of sealed ones that were a moment ago, so that a hot
 * blob is not opened and checked anew for each read.
 *
 * <p><b>Locks:</b> the caller holds the key's lock wherever it says so; {@code idle} is a leaf.
 */
final class OpenBlobs {
  private final KeyLocks locks;
  private final int filesMax;
  private final ConcurrentHashMap<BlobKey, OpenBlob> open = new ConcurrentHashMap<>();
  private final LinkedHashMap<BlobKey, OpenBlob> idle = new LinkedHashMap<>();

  OpenBlobs(KeyLocks locks, int filesMax) {
    this.locks = locks;
    this.filesMax = filesMax;
  }

  /** The blob's file if it is open or idle. */
  @Nullable OpenBlob find(BlobKey key) {
    return open.get(key);
  }

  /** Whether somebody holds the blob open; a hint unless the key's lock is held. */
  boolean isInUse(BlobKey key) {
    OpenBlob blob = open.get(key);
    return blob != null && blob.references > 0;
  }

  /** Adds one reference. Under the key's lock. */
  void retain(OpenBlob blob) {
    blob.references++;
    if (blob.references == 1) {
      synchronized (idle) {
        idle.remove(blob.key);
      }
    }
  }

  /** Registers a file just opened. Under the key's lock. */
  void add(OpenBlob blob) {
    open.put(blob.key, blob);
  }

  /** Closes the files and forgets the blob. Under the key's lock, with no reference left. */
  void discard(OpenBlob blob) {
    detach(blob);
    blob.closeFiles();
  }

  /** Forgets a blob whose handles live on with what they have. Under the key's lock. */
  void detach(OpenBlob blob) {
    open.remove(blob.key, blob);
    synchronized (idle) {
      idle.remove(blob.key, blob);
    }
  }

  /** Keeps a sealed file without references for the next reader. Under the key's lock. */
  void park(OpenBlob blob) {
    synchronized (idle) {
      idle.put(blob.key, blob);
    }
  }

  /**
   * Makes room for one more file, closing those that are idle longest.
   *
   * @throws LarderException TOO_MANY if all are in use
   */
  void admitOne() {
    if (open.size() < filesMax) {
      return;
    }
    for (OpenBlob oldest : idleSnapshot()) {
      KeyLocks.Held held = locks.tryLock(oldest.key);
      if (held != null) {
        try (held) {
          if (oldest.references == 0 && open.get(oldest.key) == oldest) {
            discard(oldest);
          }
        }
      }
      if (open.size() < filesMax) {
        return;
      }
    }
    throw new LarderException(
        ErrorCode.TOO_MANY, "store.open-files-max: " + filesMax + " data files are in use");
  }

  /** Files open now. */
  int size() {
    return open.size();
  }

  /** All, for closing the store. */
  List<OpenBlob> all() {
    return new ArrayList<>(open.values());
  }

  private List<OpenBlob> idleSnapshot() {
    synchronized (idle) {
      List<OpenBlob> out = new ArrayList<>();
      for (Map.Entry<BlobKey, OpenBlob> entry : idle.entrySet()) {
        out.add(entry.getValue());
        if (out.size() == 32) {
          break;
        }
      }
      return out;
    }
  }
}
