package dev.larder.client;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Options of a client; each has a default. Not thread-safe. */
public final class LarderClientBuilder {
  private @Nullable Path agentFile;
  private Duration progressDeadline = Duration.ofSeconds(60);
  private int attemptsMax = 5;
  private int requestsMax = 128;
  private boolean directReads = true;

  LarderClientBuilder() {}

  /** Path of the agent's {@code agent.json} or ready file; else it is looked for. */
  public LarderClientBuilder agentFile(Path file) {
    this.agentFile = file;
    return this;
  }

  /** A read that delivers nothing for so long is tried again; 60 s by default. */
  public LarderClientBuilder progressDeadline(Duration deadline) {
    this.progressDeadline = deadline;
    return this;
  }

  /** Tries of one read, the first included; 5 by default. */
  public LarderClientBuilder attemptsMax(int attempts) {
    this.attemptsMax = attempts;
    return this;
  }

  /**
   * Reads that ask the agent at once; further ones wait their turn, in order. 128 by default, so
   * that thousands of threads do not run into the agent's own bound on connections.
   */
  public LarderClientBuilder requestsMax(int requests) {
    this.requestsMax = requests;
    return this;
  }

  /** Whether sealed blobs may be read straight from the store's files; true by default. */
  public LarderClientBuilder directReads(boolean direct) {
    this.directReads = direct;
    return this;
  }

  /**
   * Finds the agent and its token.
   *
   * @throws dev.larder.protocol.LarderException BAD_CONFIG for a bound below 1, AGENT_UNAVAILABLE,
   *     UNAUTHENTICATED
   */
  public LarderClient build() {
    checkPositive("attemptsMax", attemptsMax);
    checkPositive("requestsMax", requestsMax);
    checkPositive("progressDeadline in ms", progressDeadline.toMillis());
    return new HttpLarderClient(agentFile, progressDeadline, attemptsMax, requestsMax, directReads);
  }

  private static void checkPositive(String name, long value) {
    if (value < 1) {
      throw new LarderException(ErrorCode.BAD_CONFIG, name + " must be at least 1, got " + value);
    }
  }
}
