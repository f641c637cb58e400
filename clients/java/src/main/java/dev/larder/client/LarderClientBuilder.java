package dev.larder.client;

import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Options of a client; each has a default. Not thread-safe. */
public final class LarderClientBuilder {
  private @Nullable Path agentFile;
  private Duration progressDeadline = Duration.ofSeconds(60);
  private int attemptsMax = 5;
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

  /** Whether sealed blobs may be read straight from the store's files; true by default. */
  public LarderClientBuilder directReads(boolean direct) {
    this.directReads = direct;
    return this;
  }

  /** Finds the agent and its token. */
  public LarderClient build() {
    return new HttpLarderClient(agentFile, progressDeadline, attemptsMax, directReads);
  }
}
