package dev.larder.cli;

import dev.larder.client.LarderClient;
import dev.larder.client.LarderClientBuilder;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which agent to talk to. */
final class AgentOption {
  @Option(
      names = "--agent",
      paramLabel = "FILE",
      description =
          "The agent's agent.json or ready file (default: LARDER_AGENT, then the run directory).")
  @Nullable Path file;

  /** A client; the caller closes it. */
  LarderClient connect() {
    LarderClientBuilder builder = LarderClient.builder();
    if (file != null) {
      builder.agentFile(file);
    }
    return builder.build();
  }
}
