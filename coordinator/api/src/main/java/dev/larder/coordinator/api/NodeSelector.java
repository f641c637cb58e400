package dev.larder.coordinator.api;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Which nodes of a cluster are meant: {@code all}, a number, or terms joined by commas: names
 * ({@code node-7}, {@code gpu-*}), {@code zone=rack-3}, labels ({@code pool=gpu}), a number.
 *
 * <p>A node is meant when, of the names, of the zones and of each label, at least one term fits it;
 * {@code *} and {@code ?} stand for any characters and any one. A number takes so many of those
 * that fit, the same ones for the same purpose as long as they are there: when one goes, one other
 * takes its place. Members that drain are never meant.
 *
 * <p>Immutable; any thread. Everybody who has the same list of members comes to the same answer.
 */
public final class NodeSelector {
  /** Longest selector, in characters. */
  public static final int LENGTH_MAX = 4096;

  private static final Pattern NUMBER = Pattern.compile("[0-9]{1,9}");
  private static final String NAME = "";
  private static final String ZONE = "zone";

  private final String text;
  private final Map<String, List<String>> terms;
  private final Optional<Integer> count;

  private NodeSelector(String text, Map<String, List<String>> terms, Optional<Integer> count) {
    this.text = text;
    this.terms = terms;
    this.count = count;
  }

  /**
   * Reads a selector.
   *
   * @throws LarderException BAD_REQUEST that says what is wrong
   */
  public static NodeSelector parse(String text) {
    if (text.length() > LENGTH_MAX) {
      throw bad(text, "is longer than " + LENGTH_MAX + " characters");
    }
    Map<String, List<String>> terms = new LinkedHashMap<>();
    Optional<Integer> count = Optional.empty();
    for (String each : text.split(",", -1)) {
      String term = each.strip();
      int equals = term.indexOf('=');
      if (term.isEmpty() || equals == 0) {
        throw bad(text, "has an empty term");
      } else if (NUMBER.matcher(term).matches()) {
        if (count.isPresent() || Integer.parseInt(term) < 1) {
          throw bad(text, "may have one number, from 1");
        }
        count = Optional.of(Integer.parseInt(term));
      } else if (equals > 0) {
        add(terms, term.substring(0, equals), term.substring(equals + 1));
      } else {
        add(terms, NAME, term.equals("all") ? "*" : term);
      }
    }
    return new NodeSelector(text, terms, count);
  }

  private static void add(Map<String, List<String>> terms, String key, String wild) {
    terms.computeIfAbsent(key, unused -> new ArrayList<>()).add(wild);
  }

  /**
   * Whether text is as {@code *} and {@code ?} say. Takes at most the product of both lengths; a
   * regular expression may take for ever, and whoever may ask writes the pattern.
   */
  static boolean fits(String wild, String text) {
    int at = 0;
    int star = -1;
    int tried = 0;
    for (int i = 0; i < text.length(); ) {
      char ch = at < wild.length() ? wild.charAt(at) : 0;
      if (at < wild.length() && ch == '*') {
        star = at++;
        tried = i;
      } else if (at < wild.length() && (ch == '?' || ch == text.charAt(i))) {
        at++;
        i++;
      } else if (star >= 0) {
        at = star + 1;
        i = ++tried;
      } else {
        return false;
      }
    }
    while (at < wild.length() && wild.charAt(at) == '*') {
      at++;
    }
    return at == wild.length();
  }

  /**
   * The members that are meant.
   *
   * @param purpose chooses among those that fit where a number is asked for
   * @return ids, ordered
   */
  public Set<String> of(Collection<MemberInfo> members, String purpose) {
    List<String> fitting =
        members.stream()
            .filter(member -> member.state() != MemberState.DRAINING && fits(member))
            .map(MemberInfo::id)
            .toList();
    if (count.isEmpty() || fitting.size() <= count.get()) {
      return new TreeSet<>(fitting);
    }
    return fitting.stream()
        .sorted(Comparator.comparing((String id) -> rank(purpose, id)).thenComparing(id -> id))
        .limit(count.get())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private boolean fits(MemberInfo member) {
    for (Map.Entry<String, List<String>> each : terms.entrySet()) {
      String value =
          switch (each.getKey()) {
            case NAME -> member.id();
            case ZONE -> member.zone();
            default -> member.labels().get(each.getKey());
          };
      if (value == null || each.getValue().stream().noneMatch(wild -> fits(wild, value))) {
        return false;
      }
    }
    return true;
  }

  /** Rendezvous: who comes or goes moves nobody else. */
  private static String rank(String purpose, String id) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256")
              .digest((purpose + '\n' + id).getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new LarderException(ErrorCode.INTERNAL, "every JVM has SHA-256", e);
    }
  }

  @Override
  public String toString() {
    return text;
  }

  private static LarderException bad(String text, String what) {
    return new LarderException(
        ErrorCode.BAD_REQUEST, "the selector of nodes \"" + text + "\" " + what);
  }
}
