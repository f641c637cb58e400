package dev.larder.erofs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Packs one directory's entries into blocks: entries sorted bytewise, {@code .} and {@code ..} at
 * their places among them, each block with its entries first and their names behind. Reused from
 * directory to directory by {@link #reset}.
 *
 * <p>With no block taker it only counts, which is how the first pass learns the size.
 */
final class DirectoryBlocks {

  /** Takes a full block; the array is reused. */
  interface BlockTaker {
    void take(byte[] block) throws IOException;
  }

  private static final byte[] DOT = {'.'};
  private static final byte[] DOT_DOT = {'.', '.'};
  private static final int ENTRIES_MAX = Erofs.BLOCK / (Erofs.DIRENT + 1) + 1;

  private final boolean countOnly;
  private final byte[] names;
  private final int[] nameEnds;
  private final long[] nids;
  private final byte[] types;
  private final ByteBuffer block;
  private int count;
  private int namesUsed;
  private long fullBlocks;
  private boolean dotDone;
  private boolean dotDotDone;
  private long selfNid;
  private long parentNid;
  private BlockTaker taker = block -> {};

  private DirectoryBlocks(boolean countOnly) {
    this.countOnly = countOnly;
    this.names = new byte[countOnly ? 0 : Erofs.BLOCK];
    this.nameEnds = new int[countOnly ? 0 : ENTRIES_MAX];
    this.nids = new long[countOnly ? 0 : ENTRIES_MAX];
    this.types = new byte[countOnly ? 0 : ENTRIES_MAX];
    this.block = ByteBuffer.allocate(countOnly ? 0 : Erofs.BLOCK).order(ByteOrder.LITTLE_ENDIAN);
  }

  static DirectoryBlocks counter() {
    return new DirectoryBlocks(true);
  }

  static DirectoryBlocks builder() {
    return new DirectoryBlocks(false);
  }

  /** Starts another directory. */
  void reset(long selfNid, long parentNid, BlockTaker taker) {
    this.selfNid = selfNid;
    this.parentNid = parentNid;
    this.taker = taker;
    count = 0;
    namesUsed = 0;
    fullBlocks = 0;
    dotDone = false;
    dotDotDone = false;
  }

  /** Adds the next entry; names come in ascending order. */
  void add(byte[] bytes, int offset, int length, long nid, int type) throws IOException {
    if (!dotDone && Arrays.compareUnsigned(bytes, offset, offset + length, DOT, 0, 1) > 0) {
      addDot();
    }
    if (!dotDotDone && Arrays.compareUnsigned(bytes, offset, offset + length, DOT_DOT, 0, 2) > 0) {
      addDotDot();
    }
    put(bytes, offset, length, nid, type);
  }

  /** Adds what is still missing. After this, {@link #sizeBytes} is final. */
  void finish() throws IOException {
    if (!dotDone) {
      addDot();
    }
    if (!dotDotDone) {
      addDotDot();
    }
  }

  /** Size of the directory's data; the last block counts what is used of it. */
  long sizeBytes() {
    return fullBlocks * Erofs.BLOCK + used();
  }

  /** The last block after {@link #finish}, zeros behind what is used; reused by the next reset. */
  byte[] lastBlock() {
    lay();
    return block.array();
  }

  private void addDot() throws IOException {
    dotDone = true;
    put(DOT, 0, 1, selfNid, Erofs.FT_DIR);
  }

  private void addDotDot() throws IOException {
    dotDotDone = true;
    put(DOT_DOT, 0, 2, parentNid, Erofs.FT_DIR);
  }

  private int used() {
    return count * Erofs.DIRENT + namesUsed;
  }

  private void put(byte[] bytes, int offset, int length, long nid, int type) throws IOException {
    if (used() + Erofs.DIRENT + length > Erofs.BLOCK) {
      if (!countOnly) {
        lay();
        taker.take(block.array());
      }
      fullBlocks++;
      count = 0;
      namesUsed = 0;
    }
    if (!countOnly) {
      System.arraycopy(bytes, offset, names, namesUsed, length);
      nameEnds[count] = namesUsed + length;
      nids[count] = nid;
      types[count] = (byte) type;
    }
    count++;
    namesUsed += length;
  }

  private void lay() {
    block.clear();
    int nameStart = count * Erofs.DIRENT;
    for (int i = 0; i < count; i++) {
      block.putLong(nids[i]);
      block.putShort((short) (nameStart + (i == 0 ? 0 : nameEnds[i - 1])));
      block.put(types[i]).put((byte) 0);
    }
    block.put(names, 0, namesUsed);
    Arrays.fill(block.array(), block.position(), Erofs.BLOCK, (byte) 0);
  }
}
