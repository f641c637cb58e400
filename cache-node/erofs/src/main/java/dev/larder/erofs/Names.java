package dev.larder.erofs;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * File names as bytes and as strings. Names are bytes to the kernel; those that are UTF-8 map to
 * the usual string, and any other byte to one of U+DC80 to U+DCFF, which no valid string holds
 * alone, so that each name has a string and comes back from it. Paths work alike.
 *
 * <p><b>Threads:</b> any.
 */
public final class Names {
  private static final int ESCAPE = 0xDC00;

  private Names() {}

  /** The bytes of a name, or null where the string has none. */
  public static byte @Nullable [] encode(String text) {
    byte[] out = text.getBytes(StandardCharsets.UTF_8);
    return hasLoneSurrogate(text) ? encodeEscaped(text) : out;
  }

  /** The string of a name or a path. */
  public static String decode(byte[] bytes, int offset, int length) {
    String text = new String(bytes, offset, length, StandardCharsets.UTF_8);
    // U+FFFD shows a replacement, or stands in the name itself; the slow way tells them apart.
    return text.indexOf('\uFFFD') < 0 ? text : decodeEscaped(bytes, offset, length);
  }

  private static boolean hasLoneSurrogate(String text) {
    for (int i = 0; i < text.length(); i++) {
      char ch = text.charAt(i);
      if (Character.isSurrogate(ch)) {
        if (!Character.isHighSurrogate(ch)
            || i + 1 == text.length()
            || !Character.isLowSurrogate(text.charAt(i + 1))) {
          return true;
        }
        i++;
      }
    }
    return false;
  }

  private static byte @Nullable [] encodeEscaped(String text) {
    byte[] out = new byte[4 * text.length()];
    int length = 0;
    for (int i = 0; i < text.length(); ) {
      int point = text.codePointAt(i);
      i += Character.charCount(point);
      if (point >= ESCAPE + 0x80 && point <= ESCAPE + 0xFF) {
        out[length++] = (byte) point;
      } else if (point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE) {
        return null;
      } else {
        byte[] one = Character.toString(point).getBytes(StandardCharsets.UTF_8);
        System.arraycopy(one, 0, out, length, one.length);
        length += one.length;
      }
    }
    return Arrays.copyOf(out, length);
  }

  private static String decodeEscaped(byte[] bytes, int offset, int length) {
    CharsetDecoder decoder =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    ByteBuffer in = ByteBuffer.wrap(bytes, offset, length);
    CharBuffer out = CharBuffer.allocate(length);
    while (true) {
      CoderResult result = decoder.decode(in, out, true);
      if (result.isUnderflow()) {
        return out.flip().toString();
      }
      if (!result.isError()) {
        throw new IllegalStateException("a name grew while it was decoded", codingFault(result));
      }
      for (int i = 0; i < result.length(); i++) {
        out.put((char) (ESCAPE | (in.get() & 0xFF)));
      }
      decoder.reset();
    }
  }

  private static @Nullable CharacterCodingException codingFault(CoderResult result) {
    try {
      result.throwException();
      return null;
    } catch (CharacterCodingException e) {
      return e;
    }
  }
}
