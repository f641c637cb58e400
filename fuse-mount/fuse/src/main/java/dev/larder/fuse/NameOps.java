package dev.larder.fuse;

import dev.larder.fuse.frame.Attr;
import dev.larder.fuse.frame.AttrReply;
import dev.larder.fuse.frame.Dirent;
import dev.larder.fuse.frame.EntryReply;
import dev.larder.fuse.frame.ReadRequest;
import dev.larder.fuse.frame.StatfsReply;
import dev.larder.fuse.frame.StatxFrames;
import dev.larder.linux.Errno;
import dev.larder.protocol.BlobKey;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Names and attributes. Each call writes the body of a reply and gives its bytes, or a negated
 * errno; none waits but {@link #await}, which is for workers.
 */
final class NameOps {
  private static final int ROOT_MODE = Attr.TYPE_DIRECTORY | 0700;
  private static final int FOLDER_MODE = Attr.TYPE_DIRECTORY | 0555;
  private static final int FILE_MODE = Attr.TYPE_FILE | 0444;
  private static final int FOLDERS = 256;
  private static final byte[] DOT = ".".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] DOT_DOT = "..".getBytes(StandardCharsets.US_ASCII);
  private static final int NAME_BYTES_MAX = 255;
  private static final int BODY = ReplyBuffer.BODY_AT;

  private final InodeTable table;
  private final Rows rows;
  private final BlobNamespace blobs;
  private final RowRoom room;
  private final Counters counters;

  NameOps(InodeTable table, BlobNamespace blobs, RowRoom room, Counters counters) {
    this.table = table;
    this.rows = table.rows();
    this.blobs = blobs;
    this.room = room;
    this.counters = counters;
  }

  int lookup(Request request, ReplyBuffer reply) {
    int nameBytes = request.nameBytes();
    int parent = rows.rowOf(request.nodeId());
    if (nameBytes < 0) {
      counters.malformed.increment();
      return -Errno.EINVAL;
    }
    if (nameBytes > NAME_BYTES_MAX) {
      return -Errno.ENAMETOOLONG;
    }
    if (parent < 0) {
      return -Errno.ESTALE;
    }
    if (Rows.isKeys(parent)) {
      return -Errno.ENOTDIR;
    }
    if (parent == Layout.ROW_ROOT) {
      int folder = Names.folder(request, nameBytes);
      return folder < 0 ? -Errno.ENOENT : entry(Layout.ROW_FOLDERS + folder, reply);
    }
    BlobKey key = Names.key(request, nameBytes, parent - Layout.ROW_FOLDERS);
    return key == null ? -Errno.ENOENT : lookup(key, request, reply);
  }

  private int lookup(BlobKey key, Request request, ReplyBuffer reply) {
    boolean counted = request.wasCounted();
    int row = counted ? table.find(key) : table.hold(key);
    if (row < 0) {
      OptionalLong size = blobs.sizeOf(key);
      if (size.isEmpty()) {
        return -Errno.ENOENT;
      }
      row = table.holdOrAdd(key, size.getAsLong());
      if (row < 0) {
        if (room.isWorthWaiting()) {
          return FileOps.LATER;
        }
        counters.tableFull.increment();
        return -Errno.ENFILE;
      }
      room.onAdded();
    }
    request.putCounted();
    return entry(row, reply);
  }

  /** What a lookup that is to wait looks for, or null. */
  @Nullable BlobKey keyOf(Request request) {
    return Names.key(
        request, request.nameBytes(), rows.rowOf(request.nodeId()) - Layout.ROW_FOLDERS);
  }

  /**
   * A lookup that waits until the kernel has forgotten something.
   *
   * @return the key's row, counted as told to the kernel, or a negated errno
   */
  int await(BlobKey key, Cancel cancel) {
    OptionalLong size = blobs.sizeOf(key);
    if (size.isEmpty()) {
      return -Errno.ENOENT;
    }
    do {
      int row = table.holdOrAdd(key, size.getAsLong());
      if (row >= 0) {
        room.onAdded();
        return row;
      }
    } while (room.await(cancel));
    return -Errno.ENFILE;
  }

  int getattr(Request request, ReplyBuffer reply) {
    int row = rows.rowOf(request.nodeId());
    if (row < 0) {
      return -Errno.ESTALE;
    }
    AttrReply.put(reply.memory(), BODY);
    putAttr(row, reply.memory(), BODY + AttrReply.ATTR);
    return AttrReply.BYTES;
  }

  int statx(Request request, ReplyBuffer reply) {
    int row = rows.rowOf(request.nodeId());
    if (row < 0) {
      return -Errno.ESTALE;
    }
    StatxFrames.put(reply.memory(), BODY, row, size(row), mode(row), links(row));
    return StatxFrames.REPLY_BYTES;
  }

  int statfs(ReplyBuffer reply) {
    StatfsReply.put(reply.memory(), BODY, table.size());
    return StatfsReply.BYTES;
  }

  /** The root has its folders; a folder shows nothing, as nobody wants a million names. */
  int readdir(Request request, ReplyBuffer reply, boolean plus) {
    int row = rows.rowOf(request.nodeId());
    if (row < 0) {
      return -Errno.ESTALE;
    }
    if (Rows.isKeys(row)) {
      return -Errno.ENOTDIR;
    }
    long from = ReadRequest.offset(request.memory(), request.body());
    long size = Integer.toUnsignedLong(ReadRequest.size(request.memory(), request.body()));
    long room = Math.min(size, reply.bodyBytes());
    int entries = row == Layout.ROW_ROOT ? 2 + FOLDERS : 2;
    if (from < 0) {
      counters.malformed.increment();
      return -Errno.EINVAL;
    }
    int used = 0;
    for (long i = from; i < entries; i++) {
      byte[] name = i == 0 ? DOT : i == 1 ? DOT_DOT : Names.folder((int) i - 2);
      int head = plus ? EntryReply.BYTES : 0;
      if (used + head + Dirent.bytes(name.length) > room) {
        break;
      }
      int child = i == 0 ? row : i == 1 ? Layout.ROW_ROOT : Layout.ROW_FOLDERS + (int) i - 2;
      if (plus) {
        putEntry(i < 2, child, reply.memory(), BODY + used);
      }
      Dirent.putDirectory(reply.memory(), BODY + used + head, child, i + 1, name);
      used += head + Dirent.bytes(name.length);
    }
    return used;
  }

  private void putEntry(boolean isDots, int row, MemorySegment memory, long at) {
    if (isDots) {
      EntryReply.putNone(memory, at);
    } else {
      EntryReply.put(memory, at, rows.nodeId(row));
      putAttr(row, memory, at + EntryReply.ATTR);
    }
  }

  int entry(int row, ReplyBuffer reply) {
    putEntry(false, row, reply.memory(), BODY);
    return EntryReply.BYTES;
  }

  private void putAttr(int row, MemorySegment memory, long at) {
    Attr.put(memory, at, row, size(row), mode(row), links(row));
  }

  private long size(int row) {
    return Rows.isKeys(row) ? rows.sizeBytes(row) : 0;
  }

  private static int mode(int row) {
    if (Rows.isKeys(row)) {
      return FILE_MODE;
    }
    return row == Layout.ROW_ROOT ? ROOT_MODE : FOLDER_MODE;
  }

  private static int links(int row) {
    if (Rows.isKeys(row)) {
      return 1;
    }
    return row == Layout.ROW_ROOT ? 2 + FOLDERS : 2;
  }
}
