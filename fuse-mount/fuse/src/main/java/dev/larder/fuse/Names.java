package dev.larder.fuse;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Names of the name space: folders {@code 00} to {@code ff}, in each the keys that begin so. */
final class Names {
  private static final byte[][] FOLDERS = new byte[256][];
  private static final byte[] SHA256 = "sha256-".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] ORIGIN = "origin-".getBytes(StandardCharsets.US_ASCII);
  private static final int PREFIX = 7;
  private static final int KEY_BYTES = PREFIX + 2 * Digest.BYTES;

  static {
    for (int i = 0; i < FOLDERS.length; i++) {
      FOLDERS[i] = String.format("%02x", i).getBytes(StandardCharsets.US_ASCII);
    }
  }

  private Names() {}

  /** A folder's name. */
  static byte[] folder(int number) {
    return FOLDERS[number];
  }

  /** The number of the folder that the request names, or -1. */
  static int folder(Request request, int nameBytes) {
    if (nameBytes != 2) {
      return -1;
    }
    int high = digit(request.nameByte(0));
    int low = digit(request.nameByte(1));
    return high < 0 || low < 0 ? -1 : high << 4 | low;
  }

  /** The key that the request names within a folder, or null. */
  static @Nullable BlobKey key(Request request, int nameBytes, int folder) {
    if (nameBytes != KEY_BYTES) {
      return null;
    }
    boolean isSha256 = startsWith(request, SHA256);
    if (!isSha256 && !startsWith(request, ORIGIN)) {
      return null;
    }
    long[] parts = new long[4];
    for (int i = 0; i < 2 * Digest.BYTES; i++) {
      int digit = digit(request.nameByte(PREFIX + i));
      if (digit < 0) {
        return null;
      }
      parts[i >> 4] = parts[i >> 4] << 4 | digit;
    }
    if ((int) (parts[0] >>> 56) != folder) {
      return null;
    }
    Digest digest = new Digest(parts[0], parts[1], parts[2], parts[3]);
    return isSha256 ? BlobKey.sha256(digest) : BlobKey.origin(digest);
  }

  private static boolean startsWith(Request request, byte[] prefix) {
    for (int i = 0; i < prefix.length; i++) {
      if (request.nameByte(i) != prefix[i]) {
        return false;
      }
    }
    return true;
  }

  private static int digit(int ch) {
    if (ch >= '0' && ch <= '9') {
      return ch - '0';
    }
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
  }
}
