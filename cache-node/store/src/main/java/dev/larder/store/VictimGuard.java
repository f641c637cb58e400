package dev.larder.store;

import dev.larder.protocol.BlobKey;
import java.nio.file.Path;

/** temporary */
public interface VictimGuard {
  boolean mayEvict(BlobKey key, Path file);
}
