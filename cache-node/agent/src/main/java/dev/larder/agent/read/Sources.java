package dev.larder.agent.read;

import dev.larder.agent.read.ReadPlane.BlobSource;
import dev.larder.origin.Origin;
import dev.larder.protocol.BlobKey;
import java.util.List;
import java.util.Optional;

/** What the read plane asks of the datasets. Any thread; may block on a local catalog. */
public interface Sources {

  /**
   * The open origin of a dataset; stays the dataset's, do not close it.
   *
   * @throws dev.larder.protocol.LarderException UNKNOWN_DATASET, BAD_ORIGIN
   */
  Origin origin(String dataset);

  /** A source for a key that some attached dataset's catalog lists. */
  Optional<BlobSource> sourceOf(BlobKey key);

  /**
   * The small files behind a path in its directory, in bytewise order, of the newest snapshot.
   *
   * @param afterPath a file's path, or any text in its directory
   */
  List<BlobSource> siblings(String dataset, String afterPath, int max);
}
