package dev.larder.agent.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.agent.http.Json.Fields;
import dev.larder.agent.mount.Mounts;
import dev.larder.agent.mount.Mounts.Kind;
import dev.larder.agent.mount.Mounts.MountInfo;
import dev.larder.agent.mount.Mounts.MountSpec;
import dev.larder.agent.mount.Mounts.UnmountMode;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;

/** Mounts of this host. Workers. */
final class MountRoutes {
  private final Mounts mounts;

  MountRoutes(Mounts mounts) {
    this.mounts = mounts;
  }

  void list(Exchange exchange) {
    ObjectNode json = Json.object();
    ArrayNode all = json.putArray("mounts");
    mounts.list().forEach(mount -> all.add(view(mount)));
    Dispatcher.answer(exchange, 200, json);
  }

  void mount(Exchange exchange) {
    Fields fields =
        Json.parse(
            exchange.body(),
            Set.of("snapshot", "target", "follow", "allowOther", "noExec", "kind"));
    SnapshotRef snapshot = SnapshotRef.parse(fields.text("snapshot"));
    boolean follow = fields.flag("follow");
    if (follow && snapshot.snapshot().isPresent()) {
      throw new LarderException(
          ErrorCode.BAD_REQUEST,
          "field \"follow\": " + snapshot + " names one snapshot, which never changes");
    }
    MountSpec spec =
        new MountSpec(
            snapshot,
            target(fields.text("target")),
            follow,
            fields.flag("allowOther"),
            fields.flag("noExec"),
            word("kind", Kind.class, fields.text("kind", "auto")));
    Dispatcher.answer(exchange, 200, view(mounts.mount(spec)));
  }

  void unmount(Exchange exchange) {
    String target = exchange.request().query("target", "");
    if (target.isEmpty()) {
      throw new LarderException(ErrorCode.BAD_REQUEST, "query parameter \"target\" is missing");
    }
    mounts.unmount(
        target(target), word("mode", UnmountMode.class, exchange.request().query("mode", "plain")));
    exchange.answer(new ResponseHead(204), null);
  }

  void pack(Exchange exchange) {
    Fields fields = Json.parse(exchange.body(), Set.of("snapshot"));
    long files = mounts.pack(SnapshotRef.parse(fields.text("snapshot")));
    Dispatcher.answer(exchange, 200, Json.object().put("files", files));
  }

  private static ObjectNode view(MountInfo mount) {
    return Json.object()
        .put("snapshot", mount.snapshot().toString())
        .put("target", mount.target().toString())
        .put("kind", lower(mount.kind()))
        .put("follow", mount.follow())
        .put("packed", mount.packed())
        .put("complete", mount.complete())
        .put("state", lower(mount.state()))
        .put("mountedAt", mount.mountedAt().toString());
  }

  private static Path target(String text) {
    try {
      Path path = Path.of(text);
      if (path.isAbsolute() && path.equals(path.normalize())) {
        return path;
      }
    } catch (InvalidPathException e) {
      throw badTarget(text, e);
    }
    throw badTarget(text, null);
  }

  private static LarderException badTarget(
      String text, @org.jspecify.annotations.Nullable Throwable cause) {
    return new LarderException(
        ErrorCode.BAD_REQUEST,
        "\"target\" must be an absolute path without \".\" and \"..\": "
            + RequestTarget.shown(text),
        cause);
  }

  private static <E extends Enum<E>> E word(String name, Class<E> type, String text) {
    for (E value : type.getEnumConstants()) {
      if (lower(value).equals(text)) {
        return value;
      }
    }
    throw new LarderException(
        ErrorCode.BAD_REQUEST,
        "\""
            + name
            + "\" must be one of "
            + String.join(
                ", ", Arrays.stream(type.getEnumConstants()).map(MountRoutes::lower).toList()));
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
