package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Secrets that somebody handed to this process, by name; origins refer to them as {@code
 * memory:NAME}. They are in no file and in no message, and gone with the process. Any thread.
 */
public final class SecretMemory {
  /** How a reference to one begins. */
  public static final String SCHEME = "memory:";

  private static final int VALUE_CHARS_MAX = 64 << 10;

  private final ConcurrentHashMap<String, String> values = new ConcurrentHashMap<>();
  private final int most;

  /**
   * @param most secrets at once
   */
  public SecretMemory(int most) {
    this.most = most;
  }

  /**
   * Remembers a secret in the place of a former one.
   *
   * @throws LarderException TOO_MANY, BAD_REQUEST for one that is too long
   */
  public void put(String name, String value) {
    if (value.length() > VALUE_CHARS_MAX) {
      throw new LarderException(
          ErrorCode.BAD_REQUEST, "a secret has more than " + VALUE_CHARS_MAX + " characters");
    }
    if (values.size() >= most && !values.containsKey(name)) {
      throw new LarderException(ErrorCode.TOO_MANY, most + " secrets are in memory already");
    }
    values.put(name, value);
  }

  /** Forgets a secret; none is fine. */
  public void remove(String name) {
    values.remove(name);
  }

  /** A secret, or null. */
  public @Nullable String get(String name) {
    return values.get(name);
  }

  /** Secrets held. */
  public int size() {
    return values.size();
  }
}
