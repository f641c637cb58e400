package dev.larder.agent.http;

import dev.larder.protocol.ErrorCode;

/** The one place where error codes become HTTP statuses. */
final class ErrorStatuses {
  private ErrorStatuses() {}

  /** The status of a code, as docs/HTTP.md's table says. */
  static int status(ErrorCode code) {
    return switch (code) {
      case UNKNOWN_DATASET, NO_SUCH_PATH, UNKNOWN_BLOB, UNKNOWN_MOUNT -> 404;
      case WRONG_TYPE, BAD_NAME, BAD_KEY, BAD_ORIGIN, BAD_REQUEST, BAD_CONFIG -> 400;
      case BAD_RANGE -> 416;
      case ALREADY_EXISTS, ORIGIN_CHANGED, MOUNT_BUSY -> 409;
      case UNAUTHENTICATED -> 401;
      case ORIGIN_DENIED, ORIGIN_GONE, ORIGIN_CORRUPT, ORIGIN_UNAVAILABLE -> 502;
      case DEADLINE -> 504;
      case STORE_FULL,
          STORE_IO,
          STORE_CORRUPT,
          STORE_LOCKED,
          STORE_UNUSABLE,
          CLOSED,
          COORDINATOR_UNAVAILABLE,
          AGENT_UNAVAILABLE ->
          503;
      case TOO_MANY -> 429;
      case CANCELLED -> 499;
      case INTERNAL, CATALOG_CORRUPT, MOUNT_FAILED -> 500;
      case UNSUPPORTED -> 501;
    };
  }

  /** The words of a status line. */
  static String reason(int status) {
    return switch (status) {
      case 200 -> "OK";
      case 202 -> "Accepted";
      case 204 -> "No Content";
      case 206 -> "Partial Content";
      case 304 -> "Not Modified";
      case 400 -> "Bad Request";
      case 401 -> "Unauthorized";
      case 404 -> "Not Found";
      case 405 -> "Method Not Allowed";
      case 409 -> "Conflict";
      case 412 -> "Precondition Failed";
      case 413 -> "Content Too Large";
      case 414 -> "URI Too Long";
      case 416 -> "Range Not Satisfiable";
      case 417 -> "Expectation Failed";
      case 429 -> "Too Many Requests";
      case 431 -> "Request Header Fields Too Large";
      case 499 -> "Client Closed Request";
      case 500 -> "Internal Server Error";
      case 501 -> "Not Implemented";
      case 502 -> "Bad Gateway";
      case 503 -> "Service Unavailable";
      case 504 -> "Gateway Timeout";
      case 505 -> "HTTP Version Not Supported";
      default -> throw new IllegalArgumentException("no words for status " + status);
    };
  }
}
