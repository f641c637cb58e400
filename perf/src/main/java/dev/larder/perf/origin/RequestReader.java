package dev.larder.perf.origin;

import java.io.IOException;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Reads heads of requests without a body from one connection. One thread at a time. */
final class RequestReader {
  private static final int HEAD_BYTES_MAX = 64 << 10;

  private final SocketChannel channel;
  private final ByteBuffer buffer = ByteBuffer.allocate(HEAD_BYTES_MAX);

  RequestReader(SocketChannel channel) {
    this.channel = channel;
  }

  /** The next request; empty at the end of the connection. */
  Optional<Request> next() throws IOException {
    int end = headEnd(0);
    while (end < 0) {
      int seen = buffer.position();
      if (!buffer.hasRemaining()) {
        throw new IOException("a request's head is longer than " + HEAD_BYTES_MAX);
      }
      if (channel.read(buffer) < 0) {
        return Optional.empty();
      }
      end = headEnd(Math.max(0, seen - 3));
    }
    String head = new String(buffer.array(), 0, end, StandardCharsets.ISO_8859_1);
    buffer.flip().position(end);
    buffer.compact();
    return Optional.of(parse(head));
  }

  private int headEnd(int from) {
    byte[] bytes = buffer.array();
    for (int i = from; i + 3 < buffer.position(); i++) {
      if (bytes[i] == '\r'
          && bytes[i + 1] == '\n'
          && bytes[i + 2] == '\r'
          && bytes[i + 3] == '\n') {
        return i + 4;
      }
    }
    return -1;
  }

  private static Request parse(String head) throws IOException {
    String[] lines = head.split("\r\n", -1);
    String[] words = lines[0].split(" ", -1);
    if (words.length != 3) {
      throw new IOException("not a request: " + lines[0]);
    }
    Map<String, String> fields = new HashMap<>();
    for (int i = 1; i < lines.length; i++) {
      int colon = lines[i].indexOf(':');
      if (colon > 0) {
        fields.put(
            lines[i].substring(0, colon).toLowerCase(Locale.ROOT),
            lines[i].substring(colon + 1).strip());
      }
    }
    int mark = words[1].indexOf('?');
    String path = mark < 0 ? words[1] : words[1].substring(0, mark);
    Map<String, String> query = new HashMap<>();
    if (mark >= 0) {
      for (String pair : words[1].substring(mark + 1).split("&", -1)) {
        int equals = pair.indexOf('=');
        query.put(
            equals < 0 ? pair : pair.substring(0, equals),
            equals < 0 ? "" : decode(pair.substring(equals + 1)));
      }
    }
    // In a path a plus is a plus; only %XX is an escape.
    return new Request(words[0], decode(path.replace("+", "%2B")), query, fields);
  }

  private static String decode(String text) {
    return URLDecoder.decode(text, StandardCharsets.UTF_8);
  }
}
