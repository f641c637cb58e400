package dev.larder.mount.contract;

import java.nio.file.Path;

/** A mounted {@link ContractTree}. Closing unmounts, and deletes what the mount needed. */
public interface Mounted extends AutoCloseable {
  /** Where. */
  Path at();

  @Override
  void close() throws Exception;
}
