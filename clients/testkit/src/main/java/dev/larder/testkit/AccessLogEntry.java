package dev.larder.testkit;

/**
 * One answer of a server, by its own log.
 *
 * @param method HTTP method
 * @param status HTTP status
 * @param bodyBytes bytes of the body that were sent
 * @param range the Range header, or "-"
 * @param target path and query, percent-encoded as they came
 */
public record AccessLogEntry(
    String method, int status, long bodyBytes, String range, String target) {

  static AccessLogEntry parse(String line) {
    // A Range header of several ranges may hold blanks; what stands around it does not.
    String[] head = line.split(" ", 4);
    int last = head[3].lastIndexOf(' ');
    return new AccessLogEntry(
        head[0],
        Integer.parseInt(head[1]),
        head[2].equals("-") ? 0 : Long.parseLong(head[2]),
        head[3].substring(0, last),
        withoutEmptyQuery(head[3].substring(last + 1)));
  }

  // The log writes an empty query as a hyphen.
  private static String withoutEmptyQuery(String target) {
    return target.indexOf('?') < 0 && target.endsWith("-")
        ? target.substring(0, target.length() - 1)
        : target;
  }

  /** Whether bytes of an object were asked for, and not a listing or the state of a bucket. */
  public boolean isObjectRead() {
    String path = target.indexOf('?') < 0 ? target : target.substring(0, target.indexOf('?'));
    int slash = path.indexOf('/', 1);
    return method.equals("GET") && slash > 0 && slash < path.length() - 1;
  }
}
