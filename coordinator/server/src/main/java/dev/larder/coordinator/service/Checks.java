package dev.larder.coordinator.service;

import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.NewSnapshot;
import dev.larder.coordinator.api.NewWarmUp;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Checks of requests before they become records: what stands in the log is well-formed and bounded.
 */
final class Checks {
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9._-]{1,128}");
  private static final Pattern WARM_UP_ID = Pattern.compile("wu-[1-9][0-9]{0,17}");
  // Far from where milliseconds overflow, and longer than any cache lives.
  private static final Duration TTL_MAX = Duration.ofDays(36_500);
  private static final int TEXT_MAX = 4096;
  private static final int PAIRS_MAX = 64;
  private static final int ADDRESS_MAX = 300;

  private Checks() {}

  static void member(MemberInfo member) {
    memberId(member.id());
    text("member.address", member.address());
    text("member.zone", member.zone());
    pairs("member.labels", member.labels());
    notNegative("member.capacity_bytes", member.capacityBytes());
  }

  static void memberId(String id) {
    if (!ID.matcher(id).matches()) {
      throw bad("member id", "must be 1 to 128 letters, digits, '.', '_' or '-'");
    }
  }

  static void coordinator(String id, String raftAddress) {
    memberId(id);
    int colon = raftAddress.lastIndexOf(':');
    String port = raftAddress.substring(colon + 1);
    if (colon < 1 || !port.matches("[0-9]{1,5}") || raftAddress.length() > ADDRESS_MAX) {
      throw bad("the new coordinator", "must be given as ID=HOST:PORT, with its Raft door");
    }
  }

  static void dataset(String uri, Map<String, String> options, String requestId) {
    if (uri.isEmpty()) {
      throw bad("origin_uri", "must not be empty");
    }
    text("origin_uri", uri);
    pairs("origin_options", options);
    text("request_id", requestId);
  }

  static void snapshot(NewSnapshot snapshot) {
    notNegative("snapshot.catalog_size_bytes", snapshot.catalogSizeBytes());
    notNegative("snapshot.files", snapshot.files());
    notNegative("snapshot.bytes", snapshot.bytes());
    notNegative("snapshot.skipped", snapshot.skipped());
  }

  static void snapshotNumber(long number) {
    if (number < 1) {
      throw bad("a snapshot's number", "must be at least 1, is " + number);
    }
  }

  static void pin(NewPin pin, Duration ttl) {
    text("pin.path_glob", pin.glob());
    if (!pin.owner().isEmpty()) {
      memberId(pin.owner());
    }
    notNegative("pin.files", pin.files());
    notNegative("pin.bytes", pin.bytes());
    notNegative("ttl_ms", ttl.toMillis());
    longest("ttl_ms", ttl);
  }

  static void warmUp(NewWarmUp wish, int globMax) {
    if (wish.glob().length() > globMax) {
      throw bad(
          "path_glob", "is longer than " + globMax + " characters (coordinator.warm-up-glob-max)");
    }
    longest("ttl_ms", wish.ttl());
    text("request_id", wish.requestId());
  }

  /** The number in an id. */
  static long warmUpNumber(String id) {
    if (!WARM_UP_ID.matcher(id).matches()) {
      throw new LarderException(ErrorCode.NO_SUCH_PATH, "there is no warm-up \"" + id + "\"");
    }
    return Long.parseLong(id.substring("wu-".length()));
  }

  private static void longest(String field, Duration ttl) {
    if (ttl.compareTo(TTL_MAX) > 0) {
      throw bad(field, "must be at most " + TTL_MAX.toDays() + " days");
    }
  }

  static void root(RecordedRoot root) {
    notNegative("root.size_bytes", root.sizeBytes());
    memberId(root.memberId());
  }

  static void batch(int size, int max) {
    if (size > max) {
      throw bad(
          "a request", "holds " + size + " keys, more than " + max + " (coordinator.batch-max)");
    }
  }

  static LarderException tooMany(String what, String key, long max) {
    return new LarderException(
        ErrorCode.TOO_MANY, "there are " + max + " " + what + " already (" + key + ")");
  }

  private static void pairs(String field, Map<String, String> pairs) {
    if (pairs.size() > PAIRS_MAX) {
      throw bad(field, "may have " + PAIRS_MAX + " entries, has " + pairs.size());
    }
    pairs.forEach((name, value) -> {
      text(field, name);
      text(field, value);
    });
  }

  private static void text(String field, String text) {
    if (text.length() > TEXT_MAX) {
      throw bad(field, "is longer than " + TEXT_MAX + " characters");
    }
  }

  private static void notNegative(String field, long value) {
    if (value < 0) {
      throw bad(field, "must not be negative");
    }
  }

  private static LarderException bad(String field, String rule) {
    return new LarderException(ErrorCode.BAD_REQUEST, field + " " + rule);
  }
}
