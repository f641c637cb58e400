package dev.larder.agent.fill;

import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import java.nio.ByteBuffer;

/**
 * A small blob's bytes in memory, checked.
 *
 * @param bytes read-only, from position 0, shared: take a duplicate before moving its position
 * @param root the blob's root, which these bytes have
 */
public record SmallContent(ByteBuffer bytes, Digest root) {

  /** Content that was checked; hashes it for its root. */
  public static SmallContent of(ByteBuffer checked) {
    return new SmallContent(checked.slice().asReadOnlyBuffer(), Digests.rootOf(checked));
  }

  /** Number of bytes. */
  public int size() {
    return bytes.remaining();
  }
}
