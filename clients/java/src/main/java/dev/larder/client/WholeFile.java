package dev.larder.client;

import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Optional;

/**
 * A small file as one answer brought it.
 *
 * @param content all of it; not to be changed
 * @param root the root the agent checked the bytes against, where its answer names it
 */
record WholeFile(byte[] content, Optional<Digest> root) {
  static final WholeFile EMPTY =
      new WholeFile(new byte[0], Optional.of(Digests.root(0, List.of())));

  /** Asks the agent once; INTERNAL when what it sends is another version or size. */
  static WholeFile fetch(Http http, RemoteEntry entry) {
    HttpResponse<byte[]> answer = http.whole(Http.datasetPath(entry.snapshot(), entry.path()));
    String etag = answer.headers().firstValue("ETag").orElse("");
    boolean right =
        answer.statusCode() == 200
            && answer.body().length == entry.sizeBytes()
            && entry.key().map(key -> etag.equals("\"" + key + "\"")).orElse(true);
    if (!right) {
      throw new LarderException(
          ErrorCode.INTERNAL, "the agent answered another version of " + entry.path());
    }
    return new WholeFile(
        answer.body(), answer.headers().firstValue("Larder-Root").map(Digest::parse));
  }
}
