package dev.larder.testkit;

import dev.larder.testkit.FaultyHttpServer.Request;
import dev.larder.testkit.FaultyHttpServer.Resource;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One answer of {@link FaultyHttpServer}, right or spoilt. */
final class FaultyAnswer {
  private static final Pattern RANGE = Pattern.compile("bytes=(\\d+)-(\\d*)");
  private static final DateTimeFormatter DATE = DateTimeFormatter.RFC_1123_DATE_TIME;

  private final Request request;
  private final @Nullable Fault fault;
  private final FaultyHttpServer server;
  private final InputStream in;
  private final OutputStream out;

  FaultyAnswer(
      Request request,
      @Nullable Fault fault,
      FaultyHttpServer server,
      InputStream in,
      OutputStream out) {
    this.request = request;
    this.fault = fault;
    this.server = server;
    this.in = in;
    this.out = out;
  }

  /** False when the connection is to be closed. */
  boolean send() throws IOException, InterruptedException {
    switch (fault) {
      case Fault.Status status -> {
        return error(
            status.status(),
            status.retryAfter().isEmpty() ? Map.of() : Map.of("Retry-After", status.retryAfter()));
      }
      case Fault.Redirect redirect -> {
        return error(redirect.status(), Map.of("Location", redirect.location()));
      }
      case Fault.Silence silence -> {
        waitForClient();
        return false;
      }
      case Fault.HangUp hangUp -> {
        return false;
      }
      case null, default -> {
        return answer();
      }
    }
  }

  private boolean answer() throws IOException, InterruptedException {
    Resource resource = server.resource(request);
    if (!server.isAuthorized(request)) {
      return error(401, Map.of());
    }
    if (server.refuses(request)) {
      return error(405, Map.of());
    }
    if (resource == null) {
      return error(404, Map.of());
    }
    if (!server.ignoresConditions() && !holds(resource)) {
      return error(412, Map.of());
    }
    int size = resource.content().length;
    Matcher range = RANGE.matcher(request.header("range"));
    boolean ranged =
        range.matches() && !server.ignoresRanges() && !(fault instanceof Fault.WholeObject);
    int from = ranged ? Integer.parseInt(range.group(1)) : 0;
    int last =
        ranged && !range.group(2).isEmpty()
            ? Math.min(size - 1, Integer.parseInt(range.group(2)))
            : size - 1;
    if (ranged && from >= size) {
      return error(416, Map.of("Content-Range", "bytes */" + size));
    }
    if (fault instanceof Fault.OtherRange other) {
      from = Math.min(size - 1, from + other.shift());
      last = Math.min(size - 1, last + other.shift());
    }
    return body(resource, ranged, from, last);
  }

  private boolean holds(Resource resource) {
    String match = request.header("if-match");
    if (!match.isEmpty() && (resource.etag().startsWith("W/") || !match.equals(resource.etag()))) {
      return false;
    }
    String since = request.header("if-unmodified-since");
    return since.isEmpty()
        || resource.lastModified() == null
        || !resource.lastModified().isAfter(ZonedDateTime.parse(since, DATE).toInstant());
  }

  private boolean body(Resource resource, boolean ranged, int from, int last)
      throws IOException, InterruptedException {
    byte[] bytes = Arrays.copyOfRange(resource.content(), from, last + 1);
    Map<String, String> headers = new LinkedHashMap<>(resource.headers());
    String etag = fault instanceof Fault.OtherEtag other ? other.etag() : resource.etag();
    if (!etag.isEmpty()) {
      headers.put("ETag", etag);
    }
    Instant changed = resource.lastModified();
    if (changed != null) {
      headers.put("Last-Modified", DATE.format(changed.atZone(ZoneOffset.UTC)));
    }
    if (ranged) {
      headers.put("Content-Range", "bytes " + from + "-" + last + "/" + resource.content().length);
    }
    if (!(fault instanceof Fault.TooLong)) {
      headers.put("Content-Length", Integer.toString(bytes.length));
    } else {
      headers.put("Connection", "close");
    }
    head(ranged ? 206 : 200, headers);
    if (request.method().equals("HEAD")) {
      return true;
    }
    return content(bytes);
  }

  private boolean content(byte[] bytes) throws IOException, InterruptedException {
    switch (fault) {
      case Fault.Truncate truncate -> {
        out.write(bytes, 0, Math.min(bytes.length, truncate.bytes()));
        out.flush();
        return false;
      }
      case Fault.Stall stall -> {
        out.write(bytes, 0, Math.min(bytes.length, stall.bytes()));
        out.flush();
        waitForClient();
        return false;
      }
      case Fault.OtherBytes other -> {
        byte[] wrong = bytes.clone();
        wrong[wrong.length / 2] ^= 0x55;
        out.write(wrong);
      }
      case Fault.TooLong tooLong -> {
        out.write(bytes);
        out.write(new byte[tooLong.bytes()]);
        out.flush();
        return false;
      }
      case Fault.Slow slow -> {
        for (int at = 0; at < bytes.length; at += slow.pieceBytes()) {
          out.write(bytes, at, Math.min(slow.pieceBytes(), bytes.length - at));
          out.flush();
          pause(slow.pause());
        }
      }
      case null, default -> out.write(bytes);
    }
    out.flush();
    return true;
  }

  // Pacing is what this server is for; a test that uses it waits for bytes, never for time.
  private static void pause(Duration pause) {
    java.util.concurrent.locks.LockSupport.parkNanos(pause.toNanos());
  }

  // The next thing a client that waits for an answer sends is the end of its connection.
  private void waitForClient() throws IOException {
    while (in.read() >= 0) {
      continue;
    }
  }

  private boolean error(int status, Map<String, String> extra) throws IOException {
    byte[] text =
        request.method().equals("HEAD")
            ? new byte[0]
            : FaultyHttpServer.ascii("<Error><Code>" + code(status) + "</Code></Error>");
    Map<String, String> headers = new LinkedHashMap<>(extra);
    headers.put("Content-Type", "application/xml");
    headers.put("Content-Length", Integer.toString(text.length));
    head(status, headers);
    out.write(text);
    out.flush();
    return true;
  }

  // As S3 names them, so that its clients understand.
  private static String code(int status) {
    return switch (status) {
      case 404 -> "NoSuchKey";
      case 412 -> "PreconditionFailed";
      case 416 -> "InvalidRange";
      case 429, 503 -> "SlowDown";
      case 401, 403 -> "AccessDenied";
      default -> "Status" + status;
    };
  }

  private void head(int status, Map<String, String> headers) throws IOException {
    StringBuilder head = new StringBuilder("HTTP/1.1 " + status + " S\r\n");
    headers.forEach((name, value) -> head.append(name).append(": ").append(value).append("\r\n"));
    out.write(FaultyHttpServer.ascii(head.append("\r\n").toString()));
  }
}
