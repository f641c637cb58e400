package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A reference to a secret: {@code env:NAME}, {@code file:/path}, or {@code memory:NAME}, see {@link
 * SecretMemory}. The file is read again when it changed, so that a rotated Kubernetes secret is
 * taken up. Any thread.
 */
final class SecretRef {
  private static final long FILE_BYTES_MAX = 64 << 10;

  private final String key;
  private final String reference;
  private final Redactor redactor;
  private final Function<String, @Nullable String> environment;
  private @Nullable FileTime readAt;
  private String value = "";

  /**
   * @param key the option that holds the reference
   * @throws LarderException BAD_ORIGIN where it is no reference or leads to nothing
   */
  SecretRef(
      String key,
      String reference,
      Redactor redactor,
      Function<String, @Nullable String> environment) {
    this.key = key;
    this.reference = reference;
    this.redactor = redactor;
    this.environment = environment;
    if (!isReference(reference)) {
      // The text may be the secret itself, so it is not repeated.
      throw new LarderException(
          ErrorCode.BAD_ORIGIN,
          "option "
              + key
              + ": expected env:NAME or file:/path; a secret itself is never an option");
    }
    value();
  }

  static boolean isReference(String text) {
    return (text.startsWith("env:") && text.length() > 4)
        || text.startsWith("file:/")
        || text.startsWith(SecretMemory.SCHEME);
  }

  /** The secret as it is now, without white space around it. */
  synchronized String value() {
    String current;
    if (reference.startsWith("env:")) {
      current = fromEnvironment();
    } else {
      current = reference.startsWith(SecretMemory.SCHEME) ? fromMemory() : fromFile();
    }
    if (!current.equals(value)) {
      value = current;
      redactor.hide(current);
      current.lines().forEach(redactor::hide);
    }
    return value;
  }

  private String fromEnvironment() {
    String name = reference.substring("env:".length());
    String text = environment.apply(name);
    if (text == null || text.isBlank()) {
      throw new LarderException(
          ErrorCode.BAD_ORIGIN,
          "option " + key + ": the environment variable " + name + " is not set on this agent");
    }
    return text.strip();
  }

  private String fromMemory() {
    // HandedOrigin asks for nothing before it is there; between the two it can only have gone.
    String text = environment.apply(reference);
    if (text == null || text.isBlank()) {
      throw new LarderException(
          ErrorCode.ORIGIN_UNAVAILABLE,
          "option " + key + ": the secret was taken away, as no volume needs it any more");
    }
    return text.strip();
  }

  private String fromFile() {
    Path path = Path.of(reference.substring("file:".length()));
    try {
      FileTime changed = Files.getLastModifiedTime(path);
      if (changed.equals(readAt)) {
        return value;
      }
      if (Files.size(path) > FILE_BYTES_MAX) {
        throw new LarderException(
            ErrorCode.BAD_ORIGIN,
            "option " + key + ": " + path + " has more than " + FILE_BYTES_MAX + " bytes");
      }
      String text = Files.readString(path).strip();
      readAt = changed;
      if (text.isEmpty()) {
        throw new LarderException(
            ErrorCode.BAD_ORIGIN, "option " + key + ": " + path + " is empty");
      }
      return text;
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.BAD_ORIGIN, "option " + key + ": " + path + " cannot be read", e);
    }
  }
}
