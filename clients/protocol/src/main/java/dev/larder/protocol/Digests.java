package dev.larder.protocol;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/**
 * Two-level digests of a blob. Encodings are fixed for ever:
 *
 * <ul>
 *   <li>block digest = SHA-256(bytes)
 *   <li>stripe digest = SHA-256(0x01 ‖ the stripe's block digests in order)
 *   <li>root = SHA-256(0x02 ‖ size as 8 bytes big-endian ‖ stripe digests in order)
 * </ul>
 *
 * An empty blob has no blocks and no stripes. Any thread.
 */
public final class Digests {
  private static final byte STRIPE_PREFIX = 0x01;
  private static final byte ROOT_PREFIX = 0x02;

  private Digests() {}

  /** A new SHA-256; every conforming Java runtime has it. */
  public static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java runtime has no SHA-256", e);
    }
  }

  /** Digest of the buffer's remaining bytes; the position moves to the limit. */
  public static Digest ofBytes(ByteBuffer bytes) {
    MessageDigest sha = sha256();
    sha.update(bytes);
    return Digest.of(sha.digest());
  }

  /** Digest of an array. */
  public static Digest ofBytes(byte[] bytes) {
    return Digest.of(sha256().digest(bytes));
  }

  /** The digest of one stripe from its 1 to 64 block digests. */
  public static Digest stripe(List<Digest> blocks) {
    if (blocks.isEmpty() || blocks.size() > Blocks.STRIPE_BLOCKS) {
      throw new IllegalArgumentException("a stripe has 1 to 64 blocks, got " + blocks.size());
    }
    return hash(ByteBuffer.allocate(1 + blocks.size() * Digest.BYTES).put(STRIPE_PREFIX), blocks);
  }

  /**
   * The root of a blob.
   *
   * @param sizeBytes size of the blob
   * @param stripes every stripe's digest, in order; its count must fit the size
   */
  public static Digest root(long sizeBytes, List<Digest> stripes) {
    if (stripes.size() != Blocks.stripeCount(sizeBytes)) {
      throw new IllegalArgumentException(
          "a blob of "
              + sizeBytes
              + " bytes has "
              + Blocks.stripeCount(sizeBytes)
              + " stripes, got "
              + stripes.size());
    }
    return hash(
        ByteBuffer.allocate(9 + stripes.size() * Digest.BYTES).put(ROOT_PREFIX).putLong(sizeBytes),
        stripes);
  }

  /** The root of a blob that is wholly in memory (the buffer's remaining bytes). */
  public static Digest rootOf(ByteBuffer content) {
    long size = content.remaining();
    List<Digest> stripes = new java.util.ArrayList<>();
    List<Digest> blocks = new java.util.ArrayList<>();
    ByteBuffer rest = content.duplicate();
    for (long block = 0; block < Blocks.blockCount(size); block++) {
      int length = Blocks.blockLength(size, block);
      blocks.add(ofBytes(rest.slice(rest.position(), length)));
      rest.position(rest.position() + length);
      if (blocks.size() == Blocks.STRIPE_BLOCKS || !rest.hasRemaining()) {
        stripes.add(stripe(blocks));
        blocks.clear();
      }
    }
    return root(size, stripes);
  }

  private static Digest hash(ByteBuffer message, List<Digest> digests) {
    for (Digest digest : digests) {
      digest.write(message);
    }
    message.flip();
    return ofBytes(message);
  }
}
