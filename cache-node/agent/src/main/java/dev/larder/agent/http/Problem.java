package dev.larder.agent.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Faults as {@code application/problem+json} (RFC 9457). */
final class Problem {
  /** Stands for a request of which not even the head could be read. */
  static final Request UNREADABLE =
      new Request(
          HttpMethod.GET,
          null,
          new RequestTarget(List.of(), false, Map.of()),
          new DefaultHttpHeaders(),
          false,
          false);

  private Problem() {}

  static ObjectNode json(Fault fault) {
    return Json.object()
        .put("type", "about:blank")
        .put("title", ErrorStatuses.reason(fault.status()))
        .put("status", fault.status())
        .put("code", fault.code().name())
        .put("detail", fault.detail());
  }

  static ResponseHead head(Fault fault) {
    ResponseHead head = new ResponseHead(fault.status());
    head.add("Content-Type", ContentTypes.PROBLEM);
    String more = fault.header();
    if (more != null) {
      int colon = more.indexOf(':');
      head.add(more.substring(0, colon), more.substring(colon + 1).strip());
    }
    return head.contentLength(Json.bytes(json(fault)).length);
  }

  static @Nullable ByteBuf body(Fault fault, boolean head) {
    return head ? null : Unpooled.wrappedBuffer(Json.bytes(json(fault)));
  }
}
