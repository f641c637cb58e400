package dev.larder.client;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Where the agent of this host is and how to be let in, as its {@code agent.json} says.
 *
 * @param base {@code http://127.0.0.1:7450}
 * @param token bearer token; never printed
 * @param blobs the store's folder of sealed blobs, when this process may read it
 */
record AgentAddress(URI base, String token, Optional<Path> blobs) {
  private static final long FILE_BYTES_MAX = 64 << 10;

  /** Reads a given file, or the first of the usual ones that exists. */
  static AgentAddress find(@Nullable Path given) {
    List<Path> places = given != null ? List.of(given) : usualPlaces(System.getenv());
    for (Path place : places) {
      if (Files.exists(place)) {
        return read(place);
      }
    }
    throw new LarderException(
        ErrorCode.AGENT_UNAVAILABLE,
        "no agent found on this host (looked for "
            + String.join(", ", places.stream().map(Path::toString).toList())
            + "); start one with \"larder dev\" or name its ready file in LARDER_AGENT");
  }

  static List<Path> usualPlaces(Map<String, String> environment) {
    List<Path> places = new ArrayList<>();
    String named = environment.get("LARDER_AGENT");
    if (named != null && !named.isBlank()) {
      return List.of(Path.of(named));
    }
    places.add(Path.of("/run/larder/agent.json"));
    String runtime = environment.get("XDG_RUNTIME_DIR");
    if (runtime != null && !runtime.isBlank()) {
      places.add(Path.of(runtime, "larder", "agent.json"));
    }
    String home = environment.get("HOME");
    if (home != null && !home.isBlank()) {
      places.add(Path.of(home, ".local", "share", "larder", "run", "agent.json"));
    }
    return places;
  }

  private static AgentAddress read(Path file) {
    String text = content(file);
    Json.Fields fields;
    try {
      fields = Json.object(text);
    } catch (LarderException e) {
      throw new LarderException(
          e.code(),
          file + " does not tell where an agent is; start the agent again to have it written",
          e);
    }
    if (fields.number("version") != 1) {
      throw new LarderException(
          ErrorCode.AGENT_UNAVAILABLE, file + " is of another version; update this client");
    }
    String address = fields.text("address");
    Path tokenFile = Path.of(fields.text("tokenFile"));
    if (Files.notExists(tokenFile)) {
      throw new LarderException(
          ErrorCode.AGENT_UNAVAILABLE,
          "the token file " + tokenFile + " is missing; start the agent again to have it written");
    }
    String token = content(tokenFile).strip();
    Optional<Path> blobs = fields.optionalText("blobs").map(Path::of).filter(Files::isReadable);
    return new AgentAddress(URI.create("http://" + address), token, blobs);
  }

  private static String content(Path file) {
    try {
      if (Files.size(file) > FILE_BYTES_MAX) {
        throw new LarderException(ErrorCode.AGENT_UNAVAILABLE, file + " is too large to be right");
      }
      return Files.readString(file);
    } catch (AccessDeniedException e) {
      throw new LarderException(
          ErrorCode.UNAUTHENTICATED,
          "may not read " + file + "; only the user who runs the agent may use it",
          e);
    } catch (NoSuchFileException e) {
      throw new LarderException(ErrorCode.AGENT_UNAVAILABLE, file + " is missing", e);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.AGENT_UNAVAILABLE, "cannot read " + file, e);
    }
  }

  @Override
  public String toString() {
    return base.toString();
  }
}
