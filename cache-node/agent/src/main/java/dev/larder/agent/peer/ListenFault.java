package dev.larder.agent.peer;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Says for people why a door cannot be opened. */
public final class ListenFault {
  private ListenFault() {}

  /** One line; names the port where another process has it. */
  public static String why(int port, @Nullable Throwable cause) {
    String text = cause == null ? "no reason given" : String.valueOf(cause.getMessage());
    // Netty's own class puts the call in front: bind(..) failed with error(-98): Address already
    // in use.
    return text.toLowerCase(Locale.ROOT).contains("in use")
        ? "address in use, another process listens on port " + port
        : text;
  }
}
