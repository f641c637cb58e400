package dev.larder.cli;

import dev.larder.client.LarderClient;
import dev.larder.client.LarderClientBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
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

  /** Where the node's run directory may be, the likeliest first; for what needs no agent. */
  List<Path> runDirectories() {
    Set<Path> places = new LinkedHashSet<>();
    String named = System.getenv("LARDER_AGENT");
    Path said = file != null ? file : named != null && !named.isBlank() ? Path.of(named) : null;
    if (said != null) {
      addFolder(places, said.toAbsolutePath());
      try {
        // A ready file lies anywhere; the token lies in the run directory.
        addFolder(places, Path.of(Output.parse(Files.readString(said)).path("tokenFile").asText()));
      } catch (IOException | IllegalStateException e) {
        // It went with the agent, or never was one; the file's own folder is left.
        return List.copyOf(places);
      }
    } else {
      places.add(Path.of("/run/larder"));
      String runtime = System.getenv("XDG_RUNTIME_DIR");
      if (runtime != null && !runtime.isBlank()) {
        places.add(Path.of(runtime, "larder"));
      }
    }
    return List.copyOf(places);
  }

  private static void addFolder(Set<Path> places, Path file) {
    Path folder = file.getParent();
    if (folder != null) {
      places.add(folder);
    }
  }
}
