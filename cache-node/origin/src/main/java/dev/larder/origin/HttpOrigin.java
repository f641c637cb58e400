package dev.larder.origin;

import dev.larder.origin.HttpTransport.Answer;
import dev.larder.origin.OriginMetrics.Operation;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.OriginKeys;
import java.net.URI;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One file of a web server, or those a manifest names. */
final class HttpOrigin implements Origin {
  private static final Set<String> OPTIONS = Set.of("manifest", "credentials", "check-md5");
  private static final int PARTIAL = 206;

  private final URI root;
  private final boolean manifest;
  private final boolean md5;
  private final Redactor redactor = new Redactor();
  private final HttpFetch fetch;
  private final Requests requests;
  // Weak ETags match no If-Match (RFC 9110, 13.1.1): servers that have them are asked without.
  private volatile boolean conditionsUseless;

  private HttpOrigin(String uri, OriginOptions options, OriginContext context) {
    OptionReader reader = new OptionReader("http", options, OPTIONS);
    root = HttpLocation.parse(uri);
    manifest = reader.flag("manifest");
    md5 = reader.flag("check-md5");
    Optional<SecretRef> authorization =
        reader
            .text("credentials")
            .filter(text -> !text.equals("anonymous") && !text.equals("default"))
            .map(text -> new SecretRef("credentials", text, redactor, context.environment()));
    if (!manifest && root.getRawPath().endsWith("/")) {
      throw new LarderException(
          ErrorCode.BAD_ORIGIN,
          "origin URI: "
              + root
              + " names no file; a web server has no listing, so give a file, or a manifest of"
              + " URLs with option manifest=true");
    }
    fetch = new HttpFetch(root, authorization, redactor, context);
    requests = new Requests(root.toString(), context);
  }

  static Origin open(String uri, OriginOptions options, OriginContext context) {
    return new HttpOrigin(uri, options, context);
  }

  @Override
  public String uri() {
    return root.toString();
  }

  @Override
  public void list(ListingSink sink) {
    if (manifest) {
      new HttpListing(root, fetch, this, requests, sink).run();
      return;
    }
    String path = root.getRawPath();
    String name = Names.decode("origin URI", path.substring(path.lastIndexOf('/') + 1));
    Optional<String> fault = Names.fault(name);
    if (fault.isPresent()) {
      throw new LarderException(
          ErrorCode.BAD_ORIGIN, root + " can't be a file's name: " + fault.get());
    }
    Probe probe = probe(root);
    if (probe.fault().isPresent()) {
      throw new LarderException(ErrorCode.BAD_ORIGIN, root + ": " + probe.fault().get());
    }
    sink.accept(probe.object(name, root, Optional.empty()));
  }

  /**
   * What a server says of a file.
   *
   * @param fault why it can't be part of a snapshot
   */
  record Probe(long size, String version, Instant lastModified, Optional<String> fault) {
    OriginObject object(String path, URI url, Optional<dev.larder.protocol.BlobKey> key) {
      return new OriginObject(
          path,
          OriginObject.Type.FILE,
          url.toString(),
          version,
          size,
          lastModified,
          Optional.empty(),
          key);
    }
  }

  Probe probe(URI url) {
    return requests.call(Operation.HEAD, watch -> probe(url, watch));
  }

  private Probe probe(URI url, Watch watch) throws OriginFailure {
    Answer answer = fetch.send("HEAD", url, Map.of(), watch);
    long size = answer.length();
    boolean usable = answer.status() == 200 && size >= 0;
    if (!usable && answer.status() != 404 && answer.status() != 401) {
      // Some servers know no HEAD, or leave out the length there.
      answer.close();
      answer = fetch.send("GET", url, Map.of("Range", "bytes=0-0"), watch);
      size = totalSize(answer);
    }
    boolean empty = answer.status() == 416 && size == 0;
    if (answer.status() >= 300 && !empty) {
      throw fetch.failure(url.toString(), answer);
    }
    answer.close();
    String etag = answer.header("ETag").orElse(null);
    Optional<Instant> changed = HttpStatuses.httpDate(answer.header("Last-Modified").orElse(null));
    Optional<String> fault =
        size < 0
            ? Optional.of("the server does not say its size")
            : etag == null && changed.isEmpty()
                ? Optional.of(
                    "the server gives neither ETag nor Last-Modified, so a change would go unseen")
                : encodingFault(answer);
    Instant time = changed.orElse(Instant.EPOCH);
    return new Probe(Math.max(0, size), Versions.token(etag, time), time, fault);
  }

  private static long totalSize(Answer answer) {
    Optional<String> range = answer.header("Content-Range");
    if (range.isEmpty()) {
      return answer.length();
    }
    String total = range.get().substring(range.get().lastIndexOf('/') + 1);
    return total.matches("\\d{1,18}") ? Long.parseLong(total) : -1;
  }

  private static Optional<String> encodingFault(Answer answer) {
    return answer
        .header("Content-Encoding")
        .filter(encoding -> !encoding.equalsIgnoreCase("identity"))
        .map(encoding -> "the server sends it compressed (" + encoding + ") although asked not to");
  }

  @Override
  public OriginRead open(OriginObject object, long offset, long length) {
    URI url = url(object);
    return requests.read(
        object, offset, length, (from, count, watch) -> get(object, url, from, count, watch));
  }

  private URI url(OriginObject object) {
    URI url = HttpLocation.parse(object.uri());
    if (!manifest && !url.equals(root)) {
      throw new LarderException(ErrorCode.BAD_ORIGIN, object.uri() + " is not " + root);
    }
    return url;
  }

  private RangeBody get(OriginObject object, URI url, long offset, long length, Watch watch)
      throws OriginFailure {
    boolean whole = offset == 0 && length == object.sizeBytes();
    Map<String, String> headers = new HashMap<>();
    if (!whole) {
      headers.put("Range", "bytes=" + offset + "-" + (offset + length - 1));
    }
    boolean conditional = !conditionsUseless;
    if (conditional) {
      Optional<Instant> time = Versions.time(object.version());
      if (time.isPresent()) {
        headers.put("If-Unmodified-Since", HttpStatuses.httpDate(time.get()));
      } else {
        headers.put("If-Match", '"' + OriginKeys.versionOfEtag(object.version()) + '"');
      }
    }
    Answer answer = fetch.send("GET", url, headers, watch);
    if (conditional && answer.status() == 412) {
      answer.close();
      headers.remove("If-Match");
      headers.remove("If-Unmodified-Since");
      answer = fetch.send("GET", url, headers, watch);
      if (answer.status() < 300) {
        head(answer).checkVersion(object);
        conditionsUseless = true;
      }
    }
    return body(object, answer, offset, length, watch);
  }

  private RangeBody body(OriginObject object, Answer answer, long offset, long length, Watch watch)
      throws OriginFailure {
    if (answer.status() != 200 && answer.status() != PARTIAL) {
      throw fetch.failure(object.uri(), answer);
    }
    try {
      RangeAnswer head = head(answer);
      head.checkVersion(object);
      Optional<String> encoded = encodingFault(answer);
      if (encoded.isPresent()) {
        throw OriginFailure.lasting(ErrorCode.ORIGIN_CORRUPT, object.uri() + ": " + encoded.get());
      }
      Optional<ContentChecksum> checksum =
          answer.status() == PARTIAL ? Optional.empty() : md5(answer);
      Runnable abort = answer::abort;
      if (answer.status() == 200 && (offset > 0 || length < object.sizeBytes())) {
        head.checkRange(object, 0, object.sizeBytes());
        return SkippingBody.of(object, answer.body(), abort, offset, redactor, watch);
      }
      head.checkRange(object, offset, length);
      return new StreamBody(
          object.uri(), answer.body(), abort, head.contentLength() == length, checksum, redactor);
    } catch (OriginFailure e) {
      answer.close();
      throw e;
    }
  }

  private static RangeAnswer head(Answer answer) {
    @Nullable String range = answer.header("Content-Range").orElse(null);
    return new RangeAnswer(
        answer.status() == PARTIAL && range == null ? "none" : range,
        answer.length(),
        answer.header("ETag").orElse(null),
        HttpStatuses.httpDate(answer.header("Last-Modified").orElse(null)));
  }

  private Optional<ContentChecksum> md5(Answer answer) {
    if (!md5) {
      return Optional.empty();
    }
    return answer
        .header("Content-MD5")
        .flatMap(HttpOrigin::base64)
        .filter(value -> value.length == 16)
        .map(value -> new ContentChecksum(ContentChecksum.Algorithm.MD5, value));
  }

  private static Optional<byte[]> base64(String text) {
    try {
      return Optional.of(Base64.getDecoder().decode(text.strip()));
    } catch (IllegalArgumentException malformed) {
      return Optional.empty();
    }
  }

  @Override
  public Optional<ContentChecksum> checksum(OriginObject object) {
    URI url = url(object);
    return requests.call(
        Operation.HEAD,
        watch -> {
          Answer answer = fetch.send("HEAD", url, Map.of(), watch);
          if (answer.status() != 200) {
            throw fetch.failure(object.uri(), answer);
          }
          answer.close();
          head(answer).checkVersion(object);
          return md5(answer);
        });
  }

  @Override
  public void close() {
    requests.close();
    fetch.close();
  }
}
