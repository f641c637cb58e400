package dev.larder.origin;

import com.azure.json.JsonProviders;
import com.azure.json.JsonReader;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.net.URI;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Lines of a manifest: {@code URL}, {@code URL PATH} (the path is the rest of the line), or a JSON
 * object {@code {"url": …, "path": …, "sha256": …}}. URLs may be relative to the manifest's. Empty
 * lines and lines that begin with # say nothing. Without a path, a file below the manifest's
 * directory keeps its path there; any other is named by the last component of its URL.
 */
final class HttpManifest {
  private final URI base;

  HttpManifest(URI base) {
    this.base = base;
  }

  /**
   * One file.
   *
   * @param contentKey where the manifest gives the content's SHA-256
   */
  record Line(URI url, String path, Optional<BlobKey> contentKey) {}

  /**
   * Parses a line.
   *
   * @param number counted from one, for messages
   * @throws LarderException BAD_ORIGIN naming the line
   */
  Optional<Line> parse(String text, long number) {
    String line = text.strip();
    if (line.isEmpty() || line.startsWith("#")) {
      return Optional.empty();
    }
    String url;
    String path;
    Optional<BlobKey> key = Optional.empty();
    if (line.startsWith("{")) {
      Map<String, String> fields = json(line, number);
      url = fields.getOrDefault("url", "");
      path = fields.getOrDefault("path", "");
      String sha256 = fields.get("sha256");
      if (sha256 != null) {
        key = Optional.of(contentKey(sha256, number));
      }
    } else {
      String[] parts = line.split("\\s+", 2);
      url = parts[0];
      path = parts.length > 1 ? parts[1].strip() : "";
    }
    URI resolved = resolve(url, number);
    return Optional.of(new Line(resolved, path.isEmpty() ? defaultPath(resolved) : path, key));
  }

  private static Map<String, String> json(String line, long number) {
    Map<String, String> fields = new HashMap<>();
    try (JsonReader reader = JsonProviders.createReader(line)) {
      reader.readObject(object -> {
        while (object.nextToken() != com.azure.json.JsonToken.END_OBJECT) {
          String name = object.getFieldName();
          object.nextToken();
          String value = object.getString();
          if (value != null) {
            fields.put(name, value);
          }
        }
        return fields;
      });
    } catch (IOException | RuntimeException e) {
      throw bad(number, "it is not a JSON object of texts");
    }
    for (String name : fields.keySet()) {
      if (!java.util.Set.of("url", "path", "sha256").contains(name)) {
        throw bad(number, "unknown field \"" + name + "\"; known: url, path, sha256");
      }
    }
    return fields;
  }

  private static BlobKey contentKey(String sha256, long number) {
    try {
      return BlobKey.sha256(Digest.parse(sha256));
    } catch (LarderException e) {
      throw bad(number, "sha256 is not 64 lower-case hex digits");
    }
  }

  private URI resolve(String url, long number) {
    if (url.isEmpty()) {
      throw bad(number, "it has no url");
    }
    try {
      return HttpLocation.canonical(base.resolve(url));
    } catch (IllegalArgumentException e) {
      throw bad(number, "its URL is malformed");
    } catch (LarderException e) {
      throw bad(number, String.valueOf(e.getMessage()));
    }
  }

  private String defaultPath(URI url) {
    String directory = base.resolve(".").toString();
    String text = url.toString();
    int query = text.indexOf('?');
    String plain = query < 0 ? text : text.substring(0, query);
    String relative =
        plain.startsWith(directory)
            ? plain.substring(directory.length())
            : plain.substring(plain.lastIndexOf('/') + 1);
    return Names.decode("manifest URL", relative);
  }

  private static LarderException bad(long number, String why) {
    return new LarderException(ErrorCode.BAD_ORIGIN, "manifest line " + number + ": " + why);
  }
}
