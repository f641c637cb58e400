package dev.larder.keeper.wire;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Takes fields out of a message; every fault of the sender is a ProtocolException. */
final class Reader {
  private final ByteBuffer buffer;
  private final int type;
  private final int id;

  Reader(byte[] message) throws ProtocolException {
    if (message.length < Wire.HEADER_BYTES || message.length > Wire.MESSAGE_MAX) {
      throw new ProtocolException(0, "a message of " + message.length + " bytes");
    }
    buffer = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
    type = Short.toUnsignedInt(buffer.getShort());
    int version = Short.toUnsignedInt(buffer.getShort());
    id = buffer.getInt();
    if (version != Wire.VERSION) {
      throw fault("version " + version + ", this one is " + Wire.VERSION);
    }
  }

  int type() {
    return type;
  }

  int id() {
    return id;
  }

  ProtocolException fault(String what) {
    return new ProtocolException(id, what);
  }

  int u8() throws ProtocolException {
    try {
      return Byte.toUnsignedInt(buffer.get());
    } catch (BufferUnderflowException e) {
      throw fault("it ends early");
    }
  }

  boolean flag() throws ProtocolException {
    int value = u8();
    if (value > 1) {
      throw fault("a flag is " + value);
    }
    return value == 1;
  }

  int i32() throws ProtocolException {
    try {
      return buffer.getInt();
    } catch (BufferUnderflowException e) {
      throw fault("it ends early");
    }
  }

  long i64() throws ProtocolException {
    try {
      return buffer.getLong();
    } catch (BufferUnderflowException e) {
      throw fault("it ends early");
    }
  }

  /** Any text without a zero byte, which would end it in a system call. */
  String text() throws ProtocolException {
    try {
      int length = Short.toUnsignedInt(buffer.getShort());
      if (length > buffer.remaining()) {
        throw fault("a text is longer than the message");
      }
      ByteBuffer bytes = buffer.slice(buffer.position(), length);
      buffer.position(buffer.position() + length);
      String text = StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
      if (text.indexOf(0) >= 0) {
        throw fault("a text has a zero byte");
      }
      return text;
    } catch (BufferUnderflowException e) {
      throw fault("it ends early");
    } catch (CharacterCodingException e) {
      throw fault("a text is no UTF-8");
    }
  }

  /** 32 lower-case hex digits: safe as a name of a directory. */
  String mountId() throws ProtocolException {
    String text = text();
    if (!Wire.isMountId(text)) {
      throw fault("no id of a mount");
    }
    return text;
  }

  void end() throws ProtocolException {
    if (buffer.hasRemaining()) {
      throw fault(buffer.remaining() + " bytes too many");
    }
  }
}
