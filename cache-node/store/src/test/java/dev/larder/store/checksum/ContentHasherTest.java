package dev.larder.store.checksum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.protocol.ContentChecksum.Algorithm;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class ContentHasherTest {
  private static final byte[] CHECK = "123456789".getBytes(StandardCharsets.US_ASCII);

  private static String hex(Algorithm algorithm, byte[] content) {
    ContentHasher hasher = ContentHasher.of(algorithm);
    hasher.update(ByteBuffer.wrap(content));
    return HexFormat.of().formatHex(hasher.value());
  }

  @Test
  void checkValuesOfTheCatalogues() {
    assertEquals("ae8b14860a799888", hex(Algorithm.CRC64NVME, CHECK));
    assertEquals("e3069283", hex(Algorithm.CRC32C, CHECK));
    assertEquals("cbf43926", hex(Algorithm.CRC32, CHECK));
    assertEquals("25f9e794323b453885f5181f1b624d0b", hex(Algorithm.MD5, CHECK));
    assertEquals(
        "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
        hex(Algorithm.SHA256, CHECK));
    assertEquals("0000000000000000", hex(Algorithm.CRC64NVME, new byte[0]));
  }

  @Test
  void piecesOfAnyLengthGiveTheSame() {
    Random random = new Random(7);
    byte[] content = new byte[10_000];
    random.nextBytes(content);
    Crc64Nvme bytewise = new Crc64Nvme();
    for (byte b : content) {
      bytewise.update(b);
    }
    for (boolean direct : new boolean[] {false, true}) {
      Crc64Nvme pieces = new Crc64Nvme();
      ByteBuffer all =
          direct ? ByteBuffer.allocateDirect(content.length) : ByteBuffer.allocate(content.length);
      all.put(content).flip();
      while (all.hasRemaining()) {
        int count = Math.min(all.remaining(), 1 + random.nextInt(37));
        ByteBuffer piece = all.slice(all.position(), count);
        pieces.update(piece);
        assertEquals(0, piece.remaining());
        all.position(all.position() + count);
      }
      assertEquals(bytewise.getValue(), pieces.getValue());
    }
    assertArrayEquals(
        HexFormat.of().parseHex(hex(Algorithm.CRC64NVME, content)),
        ByteBuffer.allocate(8).putLong(bytewise.getValue()).array());
  }
}
