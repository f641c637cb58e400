package dev.larder.agent.http;

import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;

/**
 * Status line and header fields of an answer. Values come from the agent, never from the client;
 * still a line break in one is refused. One thread at a time.
 */
final class ResponseHead {
  private static final long NONE = -1;
  private static final long CHUNKED = -2;

  private final int status;
  private final StringBuilder fields = new StringBuilder(256);
  private long length = NONE;

  ResponseHead(int status) {
    this.status = status;
  }

  int status() {
    return status;
  }

  ResponseHead add(String name, String value) {
    if (value.indexOf('\r') >= 0 || value.indexOf('\n') >= 0) {
      throw new IllegalArgumentException("line break in header field " + name);
    }
    fields.append(name).append(": ").append(value).append("\r\n");
    return this;
  }

  ResponseHead contentLength(long bytes) {
    length = bytes;
    return this;
  }

  /** The length is not known: chunks for HTTP/1.1, until the close for HTTP/1.0. */
  ResponseHead chunked() {
    length = CHUNKED;
    return this;
  }

  /** Writes the head; {@code keepAlive} decides what {@code Connection} says. */
  void encode(ByteBuf out, boolean http10, boolean keepAlive) {
    StringBuilder text = new StringBuilder(fields.length() + 160);
    text.append("HTTP/1.1 ").append(status).append(' ').append(ErrorStatuses.reason(status));
    text.append("\r\nDate: ").append(HttpDates.now()).append("\r\n").append(fields);
    if (length >= 0) {
      text.append("Content-Length: ").append(length).append("\r\n");
    } else if (length == CHUNKED && !http10) {
      text.append("Transfer-Encoding: chunked\r\n");
    }
    if (!keepAlive) {
      text.append("Connection: close\r\n");
    } else if (http10) {
      text.append("Connection: keep-alive\r\n");
    }
    text.append("\r\n");
    out.writeBytes(text.toString().getBytes(StandardCharsets.ISO_8859_1));
  }
}
