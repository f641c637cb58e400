package dev.larder.erofs;

import java.io.IOException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The first pass over the tree: sizes, links and times of all directories, the data blocks needed,
 * the time most files share, the totals, and the digest of the listing. One thread, used once.
 */
final class MeasurePass implements SortedTree.Sink {
  private static final DirectoryBlocks.BlockTaker NONE = block -> {};

  private final CatalogOptions options;
  private final DirectoryTable table;
  private final MessageDigest listing;
  private final Attributes attributes = new Attributes();
  private final Map<SkipReason, Long> skipped;
  private Frame[] frames = new Frame[16];
  private int depth;
  private long dataBlocks;
  private long files;
  private long directories;
  private long symlinks;
  private long bytes;

  /** Candidate of the majority vote for the shared time, and its lead. */
  private long voteSeconds;

  private int voteNanos;
  private long voteLead;

  MeasurePass(
      CatalogOptions options,
      DirectoryTable table,
      MessageDigest listing,
      EnumMap<SkipReason, Long> skipped) {
    this.options = options;
    this.table = table;
    this.listing = listing;
    this.skipped = skipped;
  }

  @Override
  public void enter(byte[] name, int offset, int length, @Nullable EntryRecord entry)
      throws IOException {
    if (depth > 0) {
      Frame parent = frames[depth - 1];
      parent.subdirectories++;
      parent.blocks.add(name, offset, length, 0, Erofs.FT_DIR);
    }
    if (depth == frames.length) {
      frames = Arrays.copyOf(frames, 2 * depth);
    }
    Frame frame = frames[depth];
    if (frame == null) {
      frame = new Frame();
      frames[depth] = frame;
    }
    depth++;
    frame.index = directories++;
    frame.subdirectories = 0;
    frame.blocks.reset(0, 0, NONE);
    frame.xattrBytes = entry == null ? 0 : attributes.lay(entry);
    frame.explicit = entry != null;
    frame.hasTime = entry != null;
    frame.seconds = entry == null ? 0 : entry.mtimeSeconds();
    frame.nanos = entry == null ? 0 : entry.mtimeNanos();
    if (entry != null) {
      listing.update(entry.bytes(), 0, entry.length());
    }
  }

  @Override
  public void leave() throws IOException {
    Frame frame = frames[--depth];
    frame.blocks.finish();
    long size = frame.blocks.sizeBytes();
    dataBlocks += DirectoryShape.of(size, frame.xattrBytes, frame.index == 0).blocks();
    table.put(frame.index, size, 2 + frame.subdirectories, frame.seconds, frame.nanos);
    if (depth > 0 && frame.hasTime) {
      frames[depth - 1].sawChange(frame.seconds, frame.nanos);
    }
  }

  @Override
  public void leaf(EntryRecord entry, int nameOffset, int nameLength) throws IOException {
    Frame parent = frames[depth - 1];
    parent.blocks.add(entry.bytes(), nameOffset, nameLength, 0, Erofs.FT_REG);
    parent.sawChange(entry.mtimeSeconds(), entry.mtimeNanos());
    vote(entry.mtimeSeconds(), entry.mtimeNanos());
    listing.update(entry.bytes(), 0, entry.length());
    if (entry.type() == EntryType.SYMLINK) {
      symlinks++;
      int target = Attributes.linkTarget(entry).length;
      dataBlocks += LinkShape.isInline(attributes.lay(entry), target) ? 0 : 1;
    } else {
      files++;
      bytes += entry.sizeBytes();
    }
  }

  @Override
  public void skipped(EntryRecord entry, SkipReason reason) {
    if (skipped.merge(reason, 1L, Long::sum) <= options.examplesPerReason()) {
      options.onSkipped().accept(new SkippedEntry(entry.path(), reason));
    }
  }

  private void vote(long seconds, int nanos) {
    if (voteLead == 0) {
      voteSeconds = seconds;
      voteNanos = nanos;
      voteLead = 1;
    } else {
      voteLead += voteSeconds == seconds && voteNanos == nanos ? 1 : -1;
    }
  }

  /** Blocks of directory entries and long link targets. */
  long dataBlocks() {
    return dataBlocks;
  }

  CatalogTotals totals() {
    return new CatalogTotals(files, directories, symlinks, bytes);
  }

  /** The time that most files have, if most have one; some file's time otherwise. */
  long epochSeconds() {
    return voteSeconds;
  }

  int epochNanos() {
    return voteNanos;
  }

  /** One open directory. */
  private static final class Frame {
    private final DirectoryBlocks blocks = DirectoryBlocks.counter();
    private long index;
    private int subdirectories;
    private int xattrBytes;
    private boolean explicit;
    private boolean hasTime;
    private long seconds;
    private int nanos;

    /** Directories the listing only implies take the time of the newest entry below them. */
    private void sawChange(long otherSeconds, int otherNanos) {
      boolean newer =
          !hasTime || otherSeconds > seconds || (otherSeconds == seconds && otherNanos > nanos);
      if (!explicit && newer) {
        hasTime = true;
        seconds = otherSeconds;
        nanos = otherNanos;
      }
    }
  }
}
