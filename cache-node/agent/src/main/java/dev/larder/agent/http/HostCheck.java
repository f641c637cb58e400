package dev.larder.agent.http;

import java.util.Locale;
import java.util.Set;

/**
 * Accepts only hosts that mean this machine, so that a web page whose name was rebound to loopback
 * gets no answer (DNS rebinding). Any thread.
 */
final class HostCheck {
  private final Set<String> names;

  /** Accepts loopback and these names beside it. */
  HostCheck(Set<String> names) {
    this.names = names;
  }

  /** Whether {@code host}, {@code host:port} or {@code [v6]:port} is one of ours. */
  boolean accepts(String field) {
    String text = field.strip().toLowerCase(Locale.ROOT);
    int end;
    String host;
    if (text.startsWith("[")) {
      end = text.indexOf(']') + 1;
      host = end == 0 ? "" : text.substring(0, end);
    } else {
      int colon = text.indexOf(':');
      end = colon < 0 ? text.length() : colon;
      host = text.substring(0, end);
    }
    return !host.isEmpty() && isPort(text.substring(end)) && isOurs(host);
  }

  private boolean isOurs(String host) {
    return host.equals("localhost")
        || host.equals("[::1]")
        || isLoopbackAddress(host)
        || names.contains(host);
  }

  private static boolean isLoopbackAddress(String host) {
    String[] parts = host.split("\\.", -1);
    if (parts.length != 4 || !parts[0].equals("127")) {
      return false;
    }
    for (String part : parts) {
      if (part.isEmpty()
          || part.length() > 3
          || !part.chars().allMatch(c -> c >= '0' && c <= '9')) {
        return false;
      }
      if (Integer.parseInt(part) > 255) {
        return false;
      }
    }
    return true;
  }

  private static boolean isPort(String rest) {
    if (rest.isEmpty()) {
      return true;
    }
    return rest.startsWith(":")
        && rest.length() <= 6
        && rest.chars().skip(1).allMatch(c -> c >= '0' && c <= '9');
  }
}
