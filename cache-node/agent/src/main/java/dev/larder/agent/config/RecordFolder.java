package dev.larder.agent.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A folder of small records, one JSON object a file, {@code <name>.json}, each replaced atomically
 * and durably. One that cannot be read is set aside as {@code <name>.json.bad}, never deleted.
 *
 * <p><b>Names:</b> the caller's, of characters that are harmless in a file's name. <b>Threads:</b>
 * any; calls for one name take turns. <b>Errors:</b> STORE_IO.
 */
public final class RecordFolder {
  private static final Logger log = LoggerFactory.getLogger(RecordFolder.class);
  private static final int FORMAT = 1;
  private static final String SUFFIX = ".json";

  private final Path directory;
  private final String what;
  private final ObjectMapper json = new ObjectMapper();

  /**
   * Touches nothing yet.
   *
   * @param what one record in words, for the log
   */
  public RecordFolder(Path directory, String what) {
    this.directory = directory;
    this.what = what;
  }

  /**
   * Every record that can be read; makes the folder where it is not there, and clears away what a
   * process that died in a write left.
   *
   * @param parse throws IllegalArgumentException, DateTimeException or LarderException for what is
   *     no such record
   */
  public <T> List<T> load(Function<JsonNode, T> parse) {
    List<T> out = new ArrayList<>();
    try {
      Files.createDirectories(directory);
      try (DirectoryStream<Path> files =
          Files.newDirectoryStream(directory, "*" + SUFFIX + DurableFiles.UNFINISHED)) {
        files.forEach(DurableFiles::delete);
      }
      try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
        for (Path file : files) {
          read(file, parse, out);
        }
      }
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_IO, "cannot read " + directory + ": " + e, e);
    }
    return out;
  }

  private <T> void read(Path file, Function<JsonNode, T> parse, List<T> out) throws IOException {
    try {
      JsonNode root = json.readTree(Files.readAllBytes(file));
      if (need(root, "format").asInt() != FORMAT) {
        throw new IllegalArgumentException("format " + root.path("format") + " is not known");
      }
      out.add(parse.apply(root));
    } catch (JsonProcessingException
        | LarderException
        | DateTimeException
        | IllegalArgumentException e) {
      log.error("{} set aside file={}: {}", what, file.getFileName(), e.toString());
      DurableFiles.setAside(file);
    }
  }

  /** A new record to fill, its format set. */
  public ObjectNode record() {
    ObjectNode root = json.createObjectNode();
    root.put("format", FORMAT);
    return root;
  }

  /** Puts a record in the place of what was under its name. */
  public void put(String name, ObjectNode root) {
    try {
      DurableFiles.replace(
          file(name), json.writerWithDefaultPrettyPrinter().writeValueAsBytes(root));
    } catch (JsonProcessingException e) {
      throw new LarderException(ErrorCode.INTERNAL, "cannot write a " + what, e);
    }
  }

  /** Deletes a record that may be absent. */
  public void delete(String name) {
    DurableFiles.delete(file(name));
  }

  /**
   * A field that must be there.
   *
   * @throws IllegalArgumentException naming it
   */
  public static JsonNode need(JsonNode node, String field) {
    JsonNode value = node.get(field);
    if (value == null) {
      throw new IllegalArgumentException("field \"" + field + "\" is missing");
    }
    return value;
  }

  private Path file(String name) {
    return directory.resolve(name + SUFFIX);
  }
}
