package dev.larder.erofs;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/** Images kept as text: length, then each 32 bytes that are not all zero. */
final class Golden {
  private Golden() {}

  static byte[] read(String resource) throws IOException {
    try (var in = Golden.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IOException("no resource " + resource);
      }
      String[] lines = new String(in.readAllBytes(), StandardCharsets.US_ASCII).split("\n");
      byte[] out = new byte[Integer.parseInt(lines[0], 16)];
      for (int i = 1; i < lines.length; i++) {
        String[] parts = lines[i].split(" ");
        byte[] row = HexFormat.of().parseHex(parts[1]);
        System.arraycopy(row, 0, out, Integer.parseInt(parts[0], 16), row.length);
      }
      return out;
    }
  }

  static String dump(byte[] bytes) {
    StringBuilder out = new StringBuilder("%x\n".formatted(bytes.length));
    for (int at = 0; at < bytes.length; at += 32) {
      String row = HexFormat.of().formatHex(bytes, at, at + 32);
      if (!row.matches("0+")) {
        out.append("%x %s\n".formatted(at, row));
      }
    }
    return out.toString();
  }
}
