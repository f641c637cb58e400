package dev.larder.agent.http;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.dataset.Datasets.Type;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore.BlobInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/** Paths of snapshots: files, directories as JSON, entries, recursive listings. Workers. */
final class PathRoutes {
  private static final int LIMIT_MAX = 10_000;
  private static final int LIMIT_DEFAULT = 1_000;

  private final DoorServices services;
  private final FileRoutes files;

  PathRoutes(DoorServices services, FileRoutes files) {
    this.services = services;
    this.files = files;
  }

  /** Whether a listing of everything below a path is asked for. */
  static boolean isRecursive(Request request) {
    return flag(request, "recursive");
  }

  /** A file's bytes, a directory's entries or, with {@code stat=true}, one entry. */
  void path(Exchange exchange) throws IOException {
    Request request = exchange.request();
    SnapshotRef ref = exact(SnapshotRef.parse(request.component(1)));
    String path = request.target().pathFrom(2);
    Entry entry = services.datasets().stat(ref, path);
    if (flag(request, "stat")) {
      refuse(request, "stat", "after", "limit", "glob");
      Dispatcher.answer(exchange, 200, stat(ref, entry));
      return;
    }
    switch (entry.type()) {
      case FILE -> {
        refuse(request, "a file", "after", "limit", "glob");
        files.file(exchange, ref, ref.snapshot().getAsLong(), entry);
      }
      case DIRECTORY -> directory(exchange, ref, path);
      case SYMLINK ->
          throw new LarderException(
              ErrorCode.WRONG_TYPE,
              "\"" + path + "\" is a symbolic link to \"" + entry.linkTarget().orElse("") + "\"");
    }
  }

  /** Streams every file and symbolic link below a directory that matches the glob. */
  void walk(Exchange exchange) throws IOException {
    Request request = exchange.request();
    refuse(request, "recursive=true", "after", "limit", "stat");
    SnapshotRef ref = exact(SnapshotRef.parse(request.component(1)));
    String path = request.target().pathFrom(2);
    Entry root = services.datasets().stat(ref, path);
    if (root.type() != Type.DIRECTORY) {
      throw new LarderException(ErrorCode.WRONG_TYPE, "\"" + path + "\" is not a directory");
    }
    String glob = below(path, request.query("glob", ""));
    ResponseHead head =
        new ResponseHead(200)
            .add("Content-Type", ContentTypes.NDJSON)
            .add("Larder-Snapshot", ref.toString());
    try (BodyWriter body = new BodyWriter(exchange, head)) {
      Walk walk = new Walk(body);
      try {
        services.datasets().walk(ref, glob, walk::visit);
        walk.end();
      } catch (UncheckedIOException e) {
        body.abandon();
        throw e.getCause();
      } catch (RuntimeException e) {
        body.abandon();
        throw e;
      }
    }
  }

  /** A listing being streamed. */
  private static final class Walk {
    private final BodyWriter body;
    private long files;
    private long bytes;

    Walk(BodyWriter body) {
      this.body = body;
    }

    void visit(Entry entry) {
      if (entry.type() == Type.DIRECTORY) {
        return;
      }
      files++;
      bytes += entry.sizeBytes();
      line(Views.entry(entry, "path", entry.path()));
    }

    void end() {
      line(Json.object().put("end", true).put("files", files).put("bytes", bytes));
    }

    private void line(ObjectNode json) {
      body.write(Json.bytes(json));
      body.write('\n');
    }
  }

  private void directory(Exchange exchange, SnapshotRef ref, String path) throws IOException {
    Request request = exchange.request();
    refuse(request, "a directory without recursive=true", "glob");
    int limit = limit(request.query("limit", ""));
    Optional<String> after = Optional.ofNullable(request.target().query().get("after"));
    // One more than asked for tells whether there is a next page.
    List<Entry> entries = services.datasets().list(ref, path, after, limit + 1);
    boolean more = entries.size() > limit;
    ResponseHead head =
        new ResponseHead(200)
            .add("Content-Type", ContentTypes.JSON)
            .add("Larder-Snapshot", ref.toString());
    BodyWriter body = new BodyWriter(exchange, head);
    try (JsonGenerator json = Json.mapper().createGenerator(body)) {
      json.writeStartObject();
      json.writeStringField("path", path);
      json.writeStringField("snapshot", ref.toString());
      json.writeArrayFieldStart("entries");
      for (Entry entry : more ? entries.subList(0, limit) : entries) {
        json.writeTree(Views.entry(entry, "name", entry.name()));
      }
      json.writeEndArray();
      if (more) {
        json.writeStringField("next", entries.get(limit - 1).name());
      }
      json.writeEndObject();
      json.disable(JsonGenerator.Feature.FLUSH_PASSED_TO_STREAM);
    }
    body.close();
  }

  private ObjectNode stat(SnapshotRef ref, Entry entry) {
    ObjectNode json = Views.entry(entry, "name", entry.name());
    json.put("path", entry.path()).put("snapshot", ref.toString());
    entry.version().ifPresent(version -> json.put("version", version));
    if (entry.type() == Type.FILE) {
      json.put("origin", services.datasets().source(ref, entry).object().uri());
      Optional<BlobInfo> info = entry.key().flatMap(services.store()::find);
      json.putObject("local")
          .put(
              "state",
              info.map(found -> found.state().name().toLowerCase(Locale.ROOT)).orElse("absent"))
          .put("presentBytes", info.map(BlobInfo::presentBytes).orElse(0L))
          .put("pinned", info.map(BlobInfo::pinned).orElse(false));
    }
    return json;
  }

  private SnapshotRef exact(SnapshotRef ref) {
    return new SnapshotRef(
        ref.dataset(), OptionalLong.of(services.datasets().resolve(ref).number()));
  }

  /** A glob relative to a directory as one of the whole snapshot. */
  private static String below(String path, String glob) {
    if (path.isEmpty()) {
      return glob;
    }
    StringBuilder out = new StringBuilder(path.length() + glob.length() + 8);
    for (int i = 0; i < path.length(); i++) {
      char ch = path.charAt(i);
      if ("*?[]{},!\\".indexOf(ch) >= 0) {
        out.append('\\');
      }
      out.append(ch);
    }
    out.append('/').append(glob.isEmpty() ? "**" : glob);
    return out.toString();
  }

  private static int limit(String text) {
    if (text.isEmpty()) {
      return LIMIT_DEFAULT;
    }
    try {
      int limit = Integer.parseInt(text);
      if (limit >= 1 && limit <= LIMIT_MAX) {
        return limit;
      }
    } catch (NumberFormatException e) {
      throw badLimit(e);
    }
    throw badLimit(null);
  }

  private static LarderException badLimit(@org.jspecify.annotations.Nullable Throwable cause) {
    return new LarderException(
        ErrorCode.BAD_REQUEST, "limit must be a number from 1 to " + LIMIT_MAX, cause);
  }

  private static boolean flag(Request request, String name) {
    String value = request.query(name, "false");
    if (!value.equals("true") && !value.equals("false")) {
      throw new LarderException(ErrorCode.BAD_REQUEST, name + " must be true or false");
    }
    return value.equals("true");
  }

  private static void refuse(Request request, String where, String... names) {
    for (String name : names) {
      if (request.target().query().containsKey(name)) {
        throw new LarderException(
            ErrorCode.BAD_REQUEST, "query parameter \"" + name + "\" has no meaning for " + where);
      }
    }
  }
}
