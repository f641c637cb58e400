package dev.larder.keeper.wire;

import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Puts fields into a message of at most {@link Wire#MESSAGE_MAX} bytes. */
final class Writer {
  private final ByteBuffer buffer =
      ByteBuffer.allocate(Wire.MESSAGE_MAX).order(ByteOrder.LITTLE_ENDIAN);

  Writer(int type, int id) {
    buffer.putShort((short) type).putShort((short) Wire.VERSION).putInt(id);
  }

  Writer u8(int value) {
    buffer.put((byte) value);
    return this;
  }

  Writer flag(boolean value) {
    return u8(value ? 1 : 0);
  }

  Writer i32(int value) {
    buffer.putInt(value);
    return this;
  }

  Writer i64(long value) {
    buffer.putLong(value);
    return this;
  }

  Writer text(String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    if (bytes.length > 0xFFFF) {
      throw new BufferOverflowException();
    }
    buffer.putShort((short) bytes.length).put(bytes);
    return this;
  }

  int room() {
    return buffer.remaining();
  }

  byte[] bytes() {
    byte[] bytes = new byte[buffer.position()];
    buffer.flip().get(bytes);
    return bytes;
  }
}
