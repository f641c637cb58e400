package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A blob whose bytes follow from its number and size, so that any process can tell a wrong byte.
 * Every third number has a {@code sha256:} key.
 */
record Sample(int number, long sizeBytes, BlobKey key) {
  private static final int SHA256_EVERY = 3;

  static Sample of(int number, long sizeBytes) {
    if (number % SHA256_EVERY != 0) {
      byte[] name = ByteBuffer.allocate(12).putInt(number).putLong(sizeBytes).array();
      return new Sample(number, sizeBytes, BlobKey.origin(Digests.ofBytes(name)));
    }
    var sha = Digests.sha256();
    for (long block = 0; block < Blocks.blockCount(sizeBytes); block++) {
      sha.update(bytes(number, sizeBytes, block));
    }
    return new Sample(number, sizeBytes, BlobKey.sha256(Digest.of(sha.digest())));
  }

  long blocks() {
    return Blocks.blockCount(sizeBytes);
  }

  boolean isSmall() {
    return Blocks.isSmall(sizeBytes);
  }

  /** The bytes of one block, in a fresh buffer. */
  ByteBuffer block(long block) {
    return bytes(number, sizeBytes, block);
  }

  Digest digest(long block) {
    return Digests.ofBytes(block(block));
  }

  List<Digest> digests(long first, int count) {
    List<Digest> out = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      out.add(digest(first + i));
    }
    return out;
  }

  Digest root() {
    List<Digest> stripes = new ArrayList<>();
    for (int stripe = 0; stripe < Blocks.stripeCount(sizeBytes); stripe++) {
      stripes.add(
          Digests.stripe(
              digests(
                  (long) stripe * Blocks.STRIPE_BLOCKS, Blocks.blocksInStripe(sizeBytes, stripe))));
    }
    return Digests.root(sizeBytes, stripes);
  }

  /** The whole content; for blobs that fit an array. */
  ByteBuffer content() {
    ByteBuffer out = ByteBuffer.allocate(Math.toIntExact(sizeBytes));
    for (long block = 0; block < blocks(); block++) {
      out.put(block(block));
    }
    return out.flip();
  }

  /** Fails, naming the place, unless the remaining bytes are those at an offset of this blob. */
  void check(long offset, ByteBuffer got) {
    long at = offset;
    while (got.hasRemaining()) {
      long block = Blocks.blockAt(at);
      int skip = (int) (at - Blocks.blockOffset(block));
      ByteBuffer right = block(block).position(skip);
      int count = Math.min(right.remaining(), got.remaining());
      int wrong = right.slice(skip, count).mismatch(got.slice(got.position(), count));
      if (wrong >= 0) {
        throw new AssertionError("wrong byte at " + (at + wrong) + " of blob " + this);
      }
      got.position(got.position() + count);
      at += count;
    }
  }

  private static ByteBuffer bytes(int number, long sizeBytes, long block) {
    int length = Blocks.blockLength(sizeBytes, block);
    ByteBuffer out = ByteBuffer.allocate((length + 7) / 8 * 8);
    long state = (number * 0x9E3779B97F4A7C15L) ^ (block + 1) * 0xD1B54A32D192ED03L ^ sizeBytes;
    while (out.hasRemaining()) {
      state = state * 6364136223846793005L + 1442695040888963407L;
      out.putLong(state ^ state >>> 29);
    }
    return out.flip().limit(length);
  }
}
