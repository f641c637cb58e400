package dev.larder.coordinator;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Says whether what several callers saw of one value can have happened one after the other, each
 * call at some moment between its begin and its end.
 *
 * <p>Source: Wing and Gong, "Testing and Verifying Concurrent Objects"; states once seen are not
 * gone through again, as Lowe does.
 */
final class Histories {
  /** The value when nothing is there. */
  static final String ABSENT = "-";

  /** Ends a value that is marked. */
  static final String MARKED = "!";

  private Histories() {}

  /** What a call does to the value. */
  enum Kind {
    /** Writes where nothing is; else EXISTS. */
    CREATE,
    /** Writes in any case. */
    PUT,
    /** Takes away; answers whether something was there. */
    DELETE,
    /** Writes, and leaves whether it is marked. */
    JOIN,
    /** Takes away; whether something was there is not answered. */
    LEAVE,
    /** Marks what is there; answers whether something was. */
    MARK,
    /** Takes the mark away; answers whether something was there. */
    UNMARK,
    /** Writes where nothing is; answers what is there where that is something else. */
    RECORD,
    /** The same, and marks what is there where it is what it writes. */
    VERIFY,
    /** Answers the value. */
    READ
  }

  /**
   * One call.
   *
   * @param argument what is written
   * @param answer what came back: {@code ok}, {@code no}, the value of a read or the one that
   *     stands in the way; empty where nobody knows whether it happened, which may then be at any
   *     time or never
   */
  record Call(Kind kind, String argument, String answer, long beginNanos, long endNanos) {
    boolean isKnown() {
      return !answer.isEmpty();
    }

    long end() {
      return isKnown() ? endNanos : Long.MAX_VALUE;
    }
  }

  /** Whether an order exists. */
  static boolean isLinearizable(List<Call> history) {
    List<Call> calls = new ArrayList<>(history);
    calls.sort(Comparator.comparingLong(Call::beginNanos));
    return new Search(calls).from(new BitSet(), ABSENT);
  }

  private record Seen(BitSet done, String value) {}

  private static final class Search {
    private final List<Call> calls;
    private final Set<Seen> seen = new HashSet<>();

    Search(List<Call> calls) {
      this.calls = calls;
    }

    boolean from(BitSet done, String value) {
      if (!seen.add(new Seen((BitSet) done.clone(), value))) {
        return false;
      }
      long earliestEnd = Long.MAX_VALUE;
      boolean over = true;
      for (int i = done.nextClearBit(0); i < calls.size(); i = done.nextClearBit(i + 1)) {
        earliestEnd = Math.min(earliestEnd, calls.get(i).end());
        over &= !calls.get(i).isKnown();
      }
      if (over) {
        return true;
      }
      for (int i = done.nextClearBit(0); i < calls.size(); i = done.nextClearBit(i + 1)) {
        Call call = calls.get(i);
        if (call.beginNanos() > earliestEnd) {
          return false;
        }
        String after = after(call, value);
        if (after != null) {
          done.set(i);
          if (from(done, after)) {
            return true;
          }
          done.clear(i);
        }
      }
      return false;
    }

    /** The value after a call, or null where it could not have answered as it did. */
    private static @org.jspecify.annotations.Nullable String after(Call call, String value) {
      boolean there = !value.equals(ABSENT);
      boolean agrees = !there || value.replace(MARKED, "").equals(call.argument());
      String answer =
          switch (call.kind()) {
            case CREATE -> there ? "no" : "ok";
            case PUT, JOIN, LEAVE -> "ok";
            case DELETE, MARK, UNMARK -> there ? "ok" : "no";
            case RECORD, VERIFY -> agrees ? "ok" : value;
            case READ -> value;
          };
      if (call.isKnown() && !call.answer().equals(answer)) {
        return null;
      }
      return switch (call.kind()) {
        case CREATE -> there ? value : call.argument();
        case PUT -> call.argument();
        case JOIN -> call.argument() + (value.endsWith(MARKED) ? MARKED : "");
        case DELETE, LEAVE -> ABSENT;
        case MARK -> there && !value.endsWith(MARKED) ? value + MARKED : value;
        case UNMARK -> value.replace(MARKED, "");
        case RECORD -> there ? value : call.argument();
        case VERIFY -> agrees ? call.argument() + MARKED : value;
        case READ -> value;
      };
    }
  }
}
