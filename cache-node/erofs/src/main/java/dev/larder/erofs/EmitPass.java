package dev.larder.erofs;

import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The second pass over the tree: gives each inode its place in preorder and writes it. A
 * directory's entries are known when it is left, so room is kept for them and filled then. One
 * thread, used once.
 */
final class EmitPass implements SortedTree.Sink {
  private final CatalogOptions options;
  private final DirectoryTable table;
  private final ImageFile image;
  private final ExternalSorter keys;
  private final InodeEncoder inode;
  private final Attributes attributes = new Attributes();
  private final byte[] firstBlock = new byte[Erofs.BLOCK];
  private final byte[] keyRow = new byte[CatalogFooter.TABLE_ROW];
  private Frame[] frames = new Frame[16];
  private int depth;
  private long directories;
  private int number;
  private long nextBlock = 1;

  EmitPass(
      CatalogOptions options,
      DirectoryTable table,
      ImageFile image,
      ExternalSorter keys,
      InodeEncoder inode) {
    this.options = options;
    this.table = table;
    this.image = image;
    this.keys = keys;
    this.inode = inode;
  }

  /** The image's first block with the root's inode in it. */
  byte[] firstBlock() {
    return firstBlock;
  }

  /** First block behind those given out for directories and links. */
  long nextBlock() {
    return nextBlock;
  }

  @Override
  public void enter(byte[] name, int offset, int length, @Nullable EntryRecord entry)
      throws IOException {
    long index = directories++;
    long size = table.sizeBytes(index);
    int xattrBytes = entry == null ? 0 : attributes.lay(entry);
    DirectoryShape shape = DirectoryShape.of(size, xattrBytes, index == 0);
    inode.attributes(
        Erofs.S_IFDIR | mode(entry, options.directoryMode()), table.links(index), size);
    own(entry);
    inode.mtime(table.mtimeSeconds(index), table.mtimeNanos(index));

    Frame frame = nextFrame();
    frame.size = size;
    frame.tailBytes = shape.tailBytes();
    frame.startBlock = nextBlock;
    frame.takenBlocks = 0;
    nextBlock += shape.blocks();
    int union = shape.blocks() == 0 ? Erofs.NULL_ADDRESS : (int) frame.startBlock;
    int fixed = inode.length();
    long at;
    if (index == 0) {
      at = SuperBlock.ROOT_OFFSET;
      byte[] bytes = inode.encode(shape.layout(), xattrBytes, union, ++number);
      System.arraycopy(bytes, 0, firstBlock, (int) at, fixed);
      System.arraycopy(attributes.bytes(), 0, firstBlock, (int) at + fixed, xattrBytes);
    } else {
      at = place(fixed + (shape.tailBytes() == 0 ? 0 : xattrBytes + shape.tailBytes()));
      image.append(inode.encode(shape.layout(), xattrBytes, union, ++number), 0, fixed);
      image.append(attributes.bytes(), 0, xattrBytes);
      image.appendZeros(shape.tailBytes());
      padSlot();
    }
    frame.tailAt = at + fixed + xattrBytes;
    frame.nid = at >> Erofs.SLOT_BITS;
    long parentNid = frame.nid;
    if (depth > 1) {
      Frame parent = frames[depth - 2];
      parentNid = parent.nid;
      parent.blocks.add(name, offset, length, frame.nid, Erofs.FT_DIR);
    }
    frame.blocks.reset(frame.nid, parentNid, frame);
  }

  @Override
  public void leave() throws IOException {
    Frame frame = frames[--depth];
    frame.blocks.finish();
    if (frame.blocks.sizeBytes() != frame.size) {
      throw new IllegalStateException(
          "a directory changed its size between passes: "
              + frame.size
              + " to "
              + frame.blocks.sizeBytes());
    }
    byte[] last = frame.blocks.lastBlock();
    if (frame.tailBytes == 0) {
      frame.take(last);
    } else if (depth == 0) {
      System.arraycopy(last, 0, firstBlock, (int) frame.tailAt, frame.tailBytes);
    } else {
      image.patch(frame.tailAt, last, 0, frame.tailBytes);
    }
  }

  @Override
  public void leaf(EntryRecord entry, int nameOffset, int nameLength) throws IOException {
    boolean link = entry.type() == EntryType.SYMLINK;
    long nid = link ? emitLink(entry) : emitFile(entry);
    frames[depth - 1].blocks.add(
        entry.bytes(), nameOffset, nameLength, nid, link ? Erofs.FT_SYMLINK : Erofs.FT_REG);
  }

  private long emitFile(EntryRecord entry) throws IOException {
    long size = entry.sizeBytes();
    inode.attributes(Erofs.S_IFREG | mode(entry, options.fileMode()), 1, size);
    own(entry);
    inode.mtime(entry.mtimeSeconds(), entry.mtimeNanos());
    int xattrBytes = attributes.lay(entry);
    int fixed = inode.length();
    long at = place(fixed);
    if (size == 0) {
      byte[] bytes = inode.encode(Erofs.LAYOUT_PLAIN, xattrBytes, Erofs.NULL_ADDRESS, ++number);
      image.append(bytes, 0, fixed);
      image.append(attributes.bytes(), 0, xattrBytes);
    } else {
      int bits = chunkBits(size);
      byte[] bytes =
          inode.encode(Erofs.LAYOUT_CHUNKED, xattrBytes, bits - Erofs.BLOCK_BITS, ++number);
      image.append(bytes, 0, fixed);
      image.append(attributes.bytes(), 0, xattrBytes);
      for (long chunks = ((size - 1) >> bits) + 1; chunks > 0; chunks--) {
        image.append(HOLE, 0, HOLE.length);
      }
    }
    padSlot();
    long nid = at >> Erofs.SLOT_BITS;
    System.arraycopy(entry.bytes(), entry.keyDigestOffset(), keyRow, 0, 8);
    ExternalSorter.putInt(keyRow, 8, (int) (nid >>> 32));
    ExternalSorter.putInt(keyRow, 12, (int) nid);
    keys.add(keyRow, keyRow.length);
    return nid;
  }

  private long emitLink(EntryRecord entry) throws IOException {
    byte[] target = Attributes.linkTarget(entry);
    int xattrBytes = attributes.lay(entry);
    inode.attributes(Erofs.S_IFLNK | 0777, 1, target.length);
    own(entry);
    inode.mtime(entry.mtimeSeconds(), entry.mtimeNanos());
    int fixed = inode.length();
    long at;
    if (LinkShape.isInline(xattrBytes, target.length)) {
      at = place(fixed + xattrBytes + target.length);
      byte[] bytes = inode.encode(Erofs.LAYOUT_INLINE, xattrBytes, Erofs.NULL_ADDRESS, ++number);
      image.append(bytes, 0, fixed);
      image.append(attributes.bytes(), 0, xattrBytes);
      image.append(target, 0, target.length);
    } else {
      at = place(fixed);
      byte[] block = Arrays.copyOf(target, Erofs.BLOCK);
      image.patch(nextBlock * Erofs.BLOCK, block, 0, block.length);
      byte[] bytes = inode.encode(Erofs.LAYOUT_PLAIN, xattrBytes, (int) nextBlock++, ++number);
      image.append(bytes, 0, fixed);
      image.append(attributes.bytes(), 0, xattrBytes);
    }
    padSlot();
    return at >> Erofs.SLOT_BITS;
  }

  private static final byte[] HOLE = {-1, -1, -1, -1};

  /** The smallest chunk that holds the whole file, as far as the format goes. */
  static int chunkBits(long size) {
    int needed = Long.SIZE - Long.numberOfLeadingZeros(size - 1);
    return Math.clamp(needed, Erofs.BLOCK_BITS, Erofs.CHUNK_BITS_MAX);
  }

  /** Goes to a place where so many bytes lie within one block. */
  private long place(int bytes) throws IOException {
    long at = image.position();
    int inBlock = (int) (at % Erofs.BLOCK);
    if (inBlock + bytes > Erofs.BLOCK) {
      image.appendZeros(Erofs.BLOCK - inBlock);
      at = image.position();
    }
    return at;
  }

  private void padSlot() throws IOException {
    long at = image.position();
    image.appendZeros(Erofs.alignUp(at, 1L << Erofs.SLOT_BITS) - at);
  }

  private static int mode(@Nullable EntryRecord entry, int otherwise) {
    return entry == null || entry.mode() < 0 ? otherwise : entry.mode();
  }

  private void own(@Nullable EntryRecord entry) {
    long uid = options.uid();
    long gid = options.gid();
    if (entry != null && entry.uid() != -1) {
      uid = Integer.toUnsignedLong(entry.uid());
    }
    if (entry != null && entry.gid() != -1) {
      gid = Integer.toUnsignedLong(entry.gid());
    }
    inode.owner(uid, gid);
  }

  private Frame nextFrame() {
    if (depth == frames.length) {
      frames = Arrays.copyOf(frames, 2 * depth);
    }
    Frame frame = frames[depth];
    if (frame == null) {
      frame = new Frame();
      frames[depth] = frame;
    }
    depth++;
    return frame;
  }

  /** One open directory. */
  private final class Frame implements DirectoryBlocks.BlockTaker {
    private final DirectoryBlocks blocks = DirectoryBlocks.builder();
    private long nid;
    private long size;
    private int tailBytes;
    private long tailAt;
    private long startBlock;
    private long takenBlocks;

    @Override
    public void take(byte[] block) throws IOException {
      image.patch((startBlock + takenBlocks++) * Erofs.BLOCK, block, 0, Erofs.BLOCK);
    }
  }
}
