package dev.larder.store.index;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.Trust;
import dev.larder.store.index.Records.BadRecordException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Golden bytes: the formats of the index are fixed; a change here is a new version. */
final class RecordsTest {
  private static final BlobKey KEY = BlobKey.sha256(Digests.ofBytes(new byte[0]));
  private static final Digest ROOT = Digests.ofBytes(new byte[] {1});
  private static final String ROOT_HEX =
      "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a";

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }

  @Test
  void blobRecord() throws BadRecordException {
    byte[] key = Records.key(KEY);
    BlobRecord record =
        BlobRecord.sealed(BlobRecord.State.SEALED_FILE, 1_000_000, ROOT, Trust.VERIFIED);
    byte[] bytes = record.encode(key);
    assertEquals(
        "01020102" + "00000000000f4240" + "00000000000f4240" + ROOT_HEX,
        hex(bytes).substring(0, 104));
    assertEquals(56, bytes.length);
    assertEquals(record, BlobRecord.decode(key, bytes));
    BlobRecord filling = BlobRecord.filling(70_000).asDoomed();
    byte[] fill = filling.encode(key);
    assertEquals("01010001" + "0000000000011170", hex(fill).substring(0, 24));
    assertEquals(filling, BlobRecord.decode(key, fill));
  }

  @Test
  void stripeRecord() throws BadRecordException {
    byte[] key = Records.stripeKey(KEY, 7);
    assertEquals("01" + KEY.digest().hex() + "00000007", hex(key));
    StripeRecord record = StripeRecord.EMPTY.with(63, List.of(ROOT)).with(1, List.of(ROOT));
    byte[] bytes = record.encode(key);
    assertEquals("018000000000000002" + ROOT_HEX + ROOT_HEX, hex(bytes).substring(0, 146));
    StripeRecord back = StripeRecord.decode(key, bytes);
    assertEquals(record.bitmap(), back.bitmap());
    assertEquals(Optional.of(ROOT), back.digest(63));
    assertEquals(Optional.empty(), back.digest(0));
    assertEquals(1L << 1, back.without(63).bitmap());
    assertFalse(back.isComplete(2));
    assertTrue(back.with(0, List.of(ROOT)).isComplete(2));
  }

  @Test
  void smallRecordAndSummary() throws BadRecordException {
    byte[] key = Records.key(KEY);
    SmallRecord small =
        new SmallRecord(
            Trust.ATTESTED, ROOT, ByteBuffer.wrap("hi".getBytes(StandardCharsets.US_ASCII)));
    byte[] bytes = small.encode(key);
    assertEquals("0102" + ROOT_HEX + "6869", hex(bytes).substring(0, 72));
    assertEquals(small, SmallRecord.decode(key, bytes));
    Summary summary = new Summary(1, 2, 3, 4);
    assertEquals(
        "01" + "0000000000000001" + "0000000000000002" + "0000000000000003" + "0000000000000004",
        hex(summary.encode(key)).substring(0, 66));
    assertEquals(summary, Summary.decode(key, summary.encode(key)));
  }

  @Test
  void everyFlippedBitAndForeignKeyIsNoticed() {
    byte[] key = Records.key(KEY);
    byte[] bytes =
        BlobRecord.sealed(BlobRecord.State.SEALED_SMALL, 10, ROOT, Trust.ATTESTED).encode(key);
    for (int bit = 0; bit < bytes.length * 8; bit++) {
      byte[] bad = bytes.clone();
      bad[bit / 8] ^= (byte) (1 << (bit % 8));
      assertThrows(BadRecordException.class, () -> BlobRecord.decode(key, bad));
    }
    byte[] other = Records.key(BlobKey.origin(ROOT));
    assertThrows(BadRecordException.class, () -> BlobRecord.decode(other, bytes));
    assertThrows(BadRecordException.class, () -> BlobRecord.decode(key, new byte[3]));
  }

  @Test
  void totalsFollowEveryChange() {
    BlobRecord fill = BlobRecord.filling(100);
    BlobRecord sealed = BlobRecord.sealed(BlobRecord.State.SEALED_FILE, 100, ROOT, Trust.ATTESTED);
    Summary one = Summary.EMPTY.change(null, fill).change(fill, fill.withPresent(60));
    assertEquals(new Summary(0, 0, 1, 60), one);
    assertEquals(new Summary(1, 0, 0, 100), one.change(fill.withPresent(60), sealed));
    assertEquals(Summary.EMPTY, one.change(fill.withPresent(60), null));
  }
}
