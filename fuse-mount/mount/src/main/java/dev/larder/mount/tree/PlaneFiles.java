package dev.larder.mount.tree;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.BlobRead.FileSpan;
import dev.larder.agent.read.BlobRead.MemorySpan;
import dev.larder.agent.read.ReadPlane;
import dev.larder.agent.read.ReadPlane.BlobSource;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.erofs.CatalogNode;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.Function;

/** Files of a snapshot through the agent's read plane. Any thread. */
public final class PlaneFiles implements TreeFiles {
  private final ReadPlane plane;
  private final Function<CatalogNode, BlobSource> sources;
  private final Function<String, ReadIntent> intents;

  /**
   * Files whose objects at the origin the caller knows.
   *
   * @param sources called at each open; faults reach the reader
   * @param intents what a reader of a path will want; called at each open
   */
  public PlaneFiles(
      ReadPlane plane,
      Function<CatalogNode, BlobSource> sources,
      Function<String, ReadIntent> intents) {
    this.plane = plane;
    this.sources = sources;
    this.intents = intents;
  }

  /**
   * Files of one snapshot of a dataset.
   *
   * @param snapshot with its number: the one whose catalog is mounted
   */
  public static PlaneFiles of(
      ReadPlane plane,
      Datasets datasets,
      SnapshotRef snapshot,
      Function<String, ReadIntent> intents) {
    if (snapshot.snapshot().isEmpty()) {
      throw new IllegalArgumentException("the snapshot to mount has no number: " + snapshot);
    }
    return new PlaneFiles(plane, file -> source(datasets, snapshot, file), intents);
  }

  private static BlobSource source(Datasets datasets, SnapshotRef snapshot, CatalogNode file) {
    Entry entry = datasets.stat(snapshot, file.path());
    if (!entry.key().equals(file.key())) {
      throw new LarderException(
          ErrorCode.CATALOG_CORRUPT,
          "the mounted catalog and " + snapshot + " differ at " + file.path());
    }
    return datasets.source(snapshot, entry);
  }

  @Override
  public TreeFile open(CatalogNode file) {
    return new PlaneFile(plane.open(sources.apply(file), intents.apply(file.path())));
  }

  private record PlaneFile(BlobRead read) implements TreeFile {
    @Override
    public boolean isLocal() {
      return read.isLocal();
    }

    @Override
    public void read(long offset, ByteBuffer target) {
      long at = offset;
      while (target.hasRemaining() && at < read.sizeBytes()) {
        int before = target.position();
        switch (read.next(at, target.remaining())) {
          case FileSpan span -> copy(span, target);
          case MemorySpan span -> target.put(span.bytes().duplicate());
        }
        at += target.position() - before;
      }
    }

    private static void copy(FileSpan span, ByteBuffer target) {
      int limit = target.limit();
      long position = span.position();
      target.limit(target.position() + (int) span.length());
      try {
        while (target.hasRemaining()) {
          int count = span.channel().read(target, position);
          if (count < 0) {
            throw new LarderException(ErrorCode.STORE_CORRUPT, "a stored file is cut off");
          }
          position += count;
        }
      } catch (IOException e) {
        throw new LarderException(ErrorCode.STORE_IO, "cannot read a stored file", e);
      } finally {
        target.limit(limit);
      }
    }

    @Override
    public void close() {
      read.close();
    }
  }
}
