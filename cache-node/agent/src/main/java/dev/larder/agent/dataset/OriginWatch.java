package dev.larder.agent.dataset;

import dev.larder.protocol.DatasetName;
import dev.larder.protocol.LarderException;

/**
 * Hears of reads that an origin did not serve, retries included, so that whoever uses the dataset
 * can be told. Any thread; must not block.
 */
public interface OriginWatch {
  /** Nobody listens. */
  OriginWatch NONE = (dataset, path, fault) -> {};

  /**
   * A read failed, for a reader, a fill or a warm-up.
   *
   * @param path of the object in the dataset; empty when the origin could not be opened at all
   * @param fault never one of the reader's own making, as CANCELLED
   */
  void failed(DatasetName dataset, String path, LarderException fault);
}
