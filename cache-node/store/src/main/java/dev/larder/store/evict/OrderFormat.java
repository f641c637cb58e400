package dev.larder.store.evict;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;
import java.util.zip.CheckedOutputStream;

/**
 * The saved order. All numbers big-endian: magic {@code LDEO}, version (2 bytes), number of units
 * (4); for each unit, queue by queue, oldest first: a byte (bits 0-1 queue, 2-3 frequency, 4 key is
 * of an origin), digest (32), stripe plus one and bytes as LEB128; for both generations of ghosts
 * their number (4) and prints (4 each), then bytes of the young one (8); CRC-32C of all before (4).
 */
final class OrderFormat {
  static final int VERSION = 1;

  private static final int MAGIC = 0x4C44454F;
  private static final int GENERATIONS = 2;

  private OrderFormat() {}

  static void write(S3Fifo policy, OutputStream target) throws IOException {
    CheckedOutputStream checked =
        new CheckedOutputStream(new BufferedOutputStream(target, 1 << 16), new CRC32C());
    DataOutputStream out = new DataOutputStream(checked);
    out.writeInt(MAGIC);
    out.writeShort(VERSION);
    out.writeInt(policy.table().size());
    for (int queue = S3Fifo.SMALL; queue <= S3Fifo.ASIDE; queue++) {
      int slot = policy.oldest(queue);
      while (slot != UnitTable.NONE) {
        writeUnit(policy.table(), slot, out);
        slot = policy.table().next(slot);
      }
    }
    for (int generation = 0; generation < GENERATIONS; generation++) {
      int[] prints = policy.ghosts().prints(generation);
      out.writeInt(prints.length);
      for (int print : prints) {
        out.writeInt(print);
      }
    }
    out.writeLong(policy.ghosts().youngBytes());
    out.writeInt((int) checked.getChecksum().getValue());
    out.flush();
  }

  static S3Fifo read(InputStream source) throws IOException {
    CheckedInputStream checked = new CheckedInputStream(source, new CRC32C());
    DataInputStream in = new DataInputStream(checked);
    S3Fifo policy = new S3Fifo();
    try {
      check(in.readInt() == MAGIC, "no magic number");
      int version = in.readUnsignedShort();
      if (version > VERSION) {
        throw new LarderException(
            ErrorCode.STORE_UNUSABLE, "the saved eviction order has version " + version);
      }
      check(version == VERSION, "version 0");
      int units = in.readInt();
      check(units >= 0, "number of units");
      byte[] digest = new byte[Digest.BYTES];
      for (int i = 0; i < units; i++) {
        readUnit(in, digest, policy);
      }
      int[] young = readPrints(in);
      int[] old = readPrints(in);
      long youngBytes = in.readLong();
      check(youngBytes >= 0, "bytes of ghosts");
      policy.ghosts().restore(young, old, youngBytes);
      int crc = (int) checked.getChecksum().getValue();
      check(in.readInt() == crc, "checksum");
      return policy;
    } catch (EOFException e) {
      throw new LarderException(ErrorCode.STORE_CORRUPT, "the saved eviction order is cut off", e);
    }
  }

  private static void readUnit(DataInputStream in, byte[] digestBytes, S3Fifo policy)
      throws IOException {
    int marks = in.readUnsignedByte();
    in.readFully(digestBytes);
    Digest digest = Digest.of(digestBytes);
    long stripe = readNumber(in) - 1;
    long bytes = readNumber(in);
    int queue = marks & 3;
    check(marks < 1 << 5 && queue <= S3Fifo.ASIDE, "marks of a unit");
    check(stripe <= Integer.MAX_VALUE && bytes <= UnitTable.BYTES_MAX, "stripe or size of a unit");
    BlobKey key = (marks & 1 << 4) != 0 ? BlobKey.origin(digest) : BlobKey.sha256(digest);
    check(
        policy.restore(new UnitId(key, (int) stripe), bytes, queue, marks >> 2 & 3), "unit twice");
  }

  private static int[] readPrints(DataInputStream in) throws IOException {
    int count = in.readInt();
    check(count >= 0 && count <= Ghosts.GENERATION_MAX, "number of ghosts");
    int[] prints = new int[count];
    for (int i = 0; i < count; i++) {
      prints[i] = in.readInt();
      check(prints[i] != 0, "print of a ghost");
    }
    return prints;
  }

  private static long readNumber(DataInputStream in) throws IOException {
    long value = 0;
    for (int shift = 0; shift < Long.SIZE - 1; shift += 7) {
      int next = in.readUnsignedByte();
      value |= (long) (next & 0x7F) << shift;
      if (next < 0x80) {
        return value;
      }
    }
    throw new LarderException(ErrorCode.STORE_CORRUPT, "the saved eviction order: long number");
  }

  private static void check(boolean holds, String what) {
    if (!holds) {
      throw new LarderException(
          ErrorCode.STORE_CORRUPT, "the saved eviction order is damaged: " + what);
    }
  }

  private static void writeUnit(UnitTable table, int slot, DataOutputStream out)
      throws IOException {
    UnitId unit = table.unit(slot);
    Digest digest = unit.key().digest();
    int origin = unit.key().kind() == BlobKey.Kind.ORIGIN ? 1 : 0;
    out.writeByte(table.queue(slot) | table.frequency(slot) << 2 | origin << 4);
    out.writeLong(digest.a());
    out.writeLong(digest.b());
    out.writeLong(digest.c());
    out.writeLong(digest.d());
    writeNumber(out, unit.stripe() + 1L);
    writeNumber(out, table.bytes(slot));
  }

  private static void writeNumber(DataOutputStream out, long number) throws IOException {
    long rest = number;
    while (rest >= 0x80) {
      out.writeByte((int) (rest & 0x7F | 0x80));
      rest >>>= 7;
    }
    out.writeByte((int) rest);
  }
}
