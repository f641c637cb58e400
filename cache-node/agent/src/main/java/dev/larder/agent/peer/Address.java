package dev.larder.agent.peer;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;

/** Where a peer door is; an IPv6 host stands in brackets. */
record Address(String host, int port) {
  static Address parse(String text) {
    int colon = text.lastIndexOf(':');
    try {
      String host = colon < 1 ? "" : text.substring(0, colon);
      int port = Integer.parseInt(text.substring(colon + 1));
      boolean isBracketed = host.startsWith("[") && host.endsWith("]");
      String bare = isBracketed ? host.substring(1, host.length() - 1) : host;
      if (!bare.isEmpty() && port >= 0 && port <= 65535) {
        return new Address(bare, port);
      }
    } catch (NumberFormatException e) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "\"" + text + "\" is not host:port, as its port is no number", e);
    }
    throw new LarderException(ErrorCode.BAD_CONFIG, "\"" + text + "\" is not host:port");
  }

  @Override
  public String toString() {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }
}
