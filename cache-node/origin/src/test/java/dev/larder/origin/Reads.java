package dev.larder.origin;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.function.Executable;

/** Reads ranges and expects errors. */
final class Reads {
  private Reads() {}

  static byte[] all(Origin origin, OriginObject object) {
    return range(origin, object, 0, object.sizeBytes());
  }

  static byte[] range(Origin origin, OriginObject object, long offset, long length) {
    try (Origin.OriginRead read = origin.open(object, offset, length)) {
      return drain(read, ByteBuffer.allocate(8192));
    }
  }

  static byte[] drain(Origin.OriginRead read, ByteBuffer buffer) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    while (true) {
      buffer.clear();
      int count = read.read(buffer);
      if (count < 0) {
        return out.toByteArray();
      }
      Assertions.assertTrue(count > 0, "a read gave nothing");
      Assertions.assertEquals(count, buffer.position());
      buffer.flip();
      byte[] bytes = new byte[count];
      buffer.get(bytes);
      out.writeBytes(bytes);
    }
  }

  static LarderException fails(ErrorCode code, Executable action) {
    LarderException e = assertThrows(LarderException.class, action);
    Assertions.assertEquals(code, e.code(), e.getMessage());
    return e;
  }
}
