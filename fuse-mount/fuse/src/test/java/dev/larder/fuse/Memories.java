package dev.larder.fuse;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/** Shared memory and keys for tests. */
final class Memories {
  private Memories() {}

  static MemorySegment zeros(int slots, int rows) {
    return Arena.ofAuto().allocate(Layout.bytes(slots, rows), 4096);
  }

  static BlobKey key(Random random) {
    Digest digest =
        new Digest(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
    return random.nextBoolean() ? BlobKey.sha256(digest) : BlobKey.origin(digest);
  }
}
