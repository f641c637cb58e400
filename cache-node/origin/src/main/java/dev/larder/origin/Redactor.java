package dev.larder.origin;

import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Takes secrets out of what others wrote: their exceptions quote URLs and headers. Knows the values
 * of this origin's credentials and the forms that signatures have. Any thread.
 */
final class Redactor {
  private static final String HIDDEN = "***";
  private static final int SECRET_CHARS_MIN = 4;
  private static final int CAUSES_MAX = 8;
  // Credentials that are renewed each hour: those of a day, and no more work for ever.
  private static final int SECRETS_MAX = 64;
  private static final Pattern SIGNATURE =
      Pattern.compile(
          "(?i)((?:x-amz-signature|x-amz-credential|x-amz-security-token|sig|signature|accountkey"
              + "|sharedaccesssignature|access_token|token|authorization|password)\\s*[=:]\\s*)"
              + "(?:(?:bearer|basic|sharedkey)\\s+)?[^&\\s;\"',]+");

  private static final Pattern USER = Pattern.compile("//[^/?#]*@");

  private final List<String> secrets = new CopyOnWriteArrayList<>();

  /** From now on hides this text, also as forms and URLs encode it; the oldest is forgotten. */
  void hide(@Nullable String secret) {
    if (secret != null && secret.length() >= SECRET_CHARS_MIN) {
      add(secret);
      add(URLEncoder.encode(secret, StandardCharsets.UTF_8));
    }
  }

  private synchronized void add(String text) {
    if (!secrets.contains(text)) {
      if (secrets.size() == SECRETS_MAX) {
        secrets.removeFirst();
      }
      secrets.add(text);
    }
  }

  String text(@Nullable String text) {
    String clean = text == null ? "" : text;
    for (String secret : secrets) {
      clean = clean.replace(secret, HIDDEN);
    }
    return SIGNATURE.matcher(clean).replaceAll("$1" + HIDDEN);
  }

  /**
   * A URI somebody gave, quoted after a blank, without user, query and fragment; nothing where it
   * is no URI, as then it may be the secret itself.
   */
  static String shownUri(String uri) {
    if (!uri.contains("://")) {
      return "";
    }
    String clean = USER.matcher(uri).replaceAll("//" + HIDDEN + "@");
    return " \"" + new Redactor().text(clean.replaceAll("[?#].*", "?" + HIDDEN)) + "\"";
  }

  /** A stand-in with the same trace whose messages, also of its causes, hold no secret. */
  Throwable cause(Throwable original) {
    return cause(original, CAUSES_MAX);
  }

  private Throwable cause(Throwable original, int depth) {
    Throwable clean =
        new Redacted(original.getClass().getName() + ": " + text(original.getMessage()));
    clean.setStackTrace(original.getStackTrace());
    if (original.getCause() != null && original.getCause() != original && depth > 1) {
      clean.initCause(cause(original.getCause(), depth - 1));
    }
    return clean;
  }

  /** What a library threw, with its class in the message. */
  private static final class Redacted extends IOException {
    private static final long serialVersionUID = 1L;

    Redacted(String message) {
      super(message);
    }
  }
}
