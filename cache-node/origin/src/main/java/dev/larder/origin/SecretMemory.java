package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
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

  /** Completed, and another one put in its place, whenever a secret comes. */
  private volatile CompletableFuture<Void> next = new CompletableFuture<>();

  /**
   * A secret is not here yet. It is the cause of the ORIGIN_UNAVAILABLE that says so, for who would
   * rather wait than fail.
   */
  public static final class Lack extends Exception {
    private static final long serialVersionUID = 1L;

    // Nobody writes faults to a stream.
    private final transient SecretMemory memory;
    private final String name;

    private Lack(SecretMemory memory, String name) {
      super("no secret " + name);
      this.memory = memory;
      this.name = name;
    }

    /** Completed once the secret is here; the caller cancels it when it waits no longer. */
    public CompletableFuture<Void> given() {
      CompletableFuture<Void> given = new CompletableFuture<>();
      memory.look(name, given);
      return given;
    }
  }

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
    CompletableFuture<Void> came;
    synchronized (this) {
      came = next;
      next = new CompletableFuture<>();
    }
    came.complete(null);
  }

  private void look(String name, CompletableFuture<Void> given) {
    // Taken before the look: what comes behind it completes this one.
    CompletableFuture<Void> coming = next;
    if (given.isDone() || values.containsKey(name)) {
      given.complete(null);
      return;
    }
    var unused = CompletableFuture.anyOf(coming, given).thenRun(() -> look(name, given));
  }

  /**
   * The secret whose lack is behind a fault.
   *
   * @return empty for every other fault
   */
  public static Optional<Lack> lackBehind(Throwable fault) {
    Throwable cause = fault;
    while (cause != null && !(cause instanceof Lack)) {
      cause = cause.getCause();
    }
    return Optional.ofNullable((Lack) cause);
  }

  /** The fault of who needs a secret that is not here. */
  LarderException lacks(String name) {
    return new LarderException(
        ErrorCode.ORIGIN_UNAVAILABLE,
        "this agent has not been given the secret "
            + name
            + " since it started; it comes when a volume of the dataset is published again",
        new Lack(this, name));
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
