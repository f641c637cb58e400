package dev.larder.store.index;

import dev.larder.protocol.Digest;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.index.Records.BadRecordException;
import java.nio.ByteBuffer;

/**
 * A small blob with what it is checked against, so that one look-up serves a read.
 *
 * <p>Format 1: version, trust, root (32), content, CRC32C.
 *
 * @param content not copied, not to be changed
 */
public record SmallRecord(Trust trust, Digest root, ByteBuffer content) {
  private static final int HEAD_BYTES = 2 + Digest.BYTES;

  byte[] encode(byte[] key) {
    ByteBuffer out = ByteBuffer.allocate(HEAD_BYTES + content.remaining() + Records.CRC_BYTES);
    out.put(Records.VERSION).put(trust.code());
    root.write(out);
    out.put(content.duplicate());
    return Records.seal(key, out);
  }

  static SmallRecord decode(byte[] key, byte[] bytes) throws BadRecordException {
    ByteBuffer in = Records.open(key, bytes, HEAD_BYTES);
    try {
      Trust trust = Trust.ofCode(in.get());
      Digest root = Digest.read(in);
      return new SmallRecord(trust, root, in.slice());
    } catch (LarderException e) {
      throw new BadRecordException(String.valueOf(e.getMessage()));
    }
  }
}
