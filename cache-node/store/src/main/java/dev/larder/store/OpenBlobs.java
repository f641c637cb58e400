package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Files that are open, and a bounded number of sealed ones that were a moment ago, so that a hot
 * blob is not opened and checked anew for each read.
 *
 * <p><b>Locks:</b> the caller holds the key's lock wherever it says so; {@code idle} is a leaf.
 */
final class OpenBlobs {
  private final int filesMax;
  private final ConcurrentHashMap<BlobKey, OpenBlob> open = new ConcurrentHashMap<>();
  private final LinkedHashMap<BlobKey, OpenBlob> idle = new LinkedHashMap<>();

  OpenBlobs(int filesMax) {
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

  /**
   * Adds one reference. Under the key's lock.
   *
   * @return false if the file is being closed to make room for another: open it anew
   */
  boolean retain(OpenBlob blob) {
    synchronized (idle) {
      if (blob.closing) {
        open.remove(blob.key, blob);
        return false;
      }
      idle.remove(blob.key, blob);
    }
    blob.references++;
    return true;
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
    while (open.size() >= filesMax) {
      if (!closeOneIdle()) {
        throw new LarderException(
            ErrorCode.TOO_MANY, "store.open-files-max: " + filesMax + " data files are in use");
      }
    }
  }

  /** False if none is idle. Needs no key's lock: a thread may hold one of another blob. */
  private boolean closeOneIdle() {
    while (true) {
      BlobKey oldest;
      synchronized (idle) {
        if (idle.isEmpty()) {
          return false;
        }
        oldest = idle.firstEntry().getKey();
      }
      if (closeIdle(oldest)) {
        return true;
      }
    }
  }

  /** Closes a blob's file if nobody uses it; needs no key's lock. False if it was not idle. */
  boolean closeIdle(BlobKey key) {
    OpenBlob blob;
    synchronized (idle) {
      blob = idle.remove(key);
      if (blob == null) {
        return false;
      }
      blob.closing = true;
    }
    open.remove(key, blob);
    blob.closeFiles();
    return true;
  }

  /** Files open now. */
  int size() {
    return open.size();
  }

  /** All, for closing the store. */
  List<OpenBlob> all() {
    return new ArrayList<>(open.values());
  }
}
