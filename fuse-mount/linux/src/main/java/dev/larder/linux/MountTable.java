package dev.larder.linux;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The mounts a process sees, in the order of /proc/PID/mountinfo. A picture of one moment.
 * <b>Threads:</b> any.
 */
public final class MountTable {
  private static final Path SELF = Path.of("/proc/self/mountinfo");

  private static final int FIELDS_BEFORE_POINT = 4;

  /** Looks for one place each before an index is worth its making. */
  private static final int SCANS_MAX = 8;

  /*
   * A node has hundreds of mounts, and most who look are interested in one or two places: a line is
   * made a text and taken apart when it is asked for, and no sooner. The garbage of a whole list
   * would have a small heap collected at every few looks.
   */
  private final byte[] text;
  private int scans;
  private @Nullable Map<String, List<String>> byPlace;

  private MountTable(byte[] text) {
    this.text = text;
  }

  private List<String> lines() {
    // One char a byte, until the escapes are undone.
    return List.of(new String(text, StandardCharsets.ISO_8859_1).split("\n"));
  }

  /** The lines of mounts on exactly this place, in the file's order. */
  private synchronized List<String> linesAt(String place) {
    if (byPlace == null && scans < SCANS_MAX) {
      scans++;
      return scan(place);
    }
    if (byPlace == null) {
      byPlace = new HashMap<>();
      for (String line : lines()) {
        byPlace.computeIfAbsent(point(line), point -> new ArrayList<>(1)).add(line);
      }
    }
    return byPlace.getOrDefault(place, List.of());
  }

  private List<String> scan(String place) {
    byte[] wanted = place.getBytes(StandardCharsets.UTF_8);
    List<String> found = new ArrayList<>(1);
    int from = 0;
    while (from < text.length) {
      int to = end(from, '\n');
      if (mayBeAt(from, to, wanted)) {
        String line = new String(text, from, to - from, StandardCharsets.ISO_8859_1);
        if (point(line).equals(place)) {
          found.add(line);
        }
      }
      from = to + 1;
    }
    return found;
  }

  /** Whether a line's place has these bytes, as far as they can be told without its escapes. */
  private boolean mayBeAt(int from, int to, byte[] wanted) {
    int at = from;
    for (int i = 0; i < FIELDS_BEFORE_POINT; i++) {
      at = end(at, ' ') + 1;
    }
    for (int i = 0; i < wanted.length; i++) {
      int byteAt = at + i < to ? text[at + i] : '\n';
      if (byteAt == '\\' || byteAt < 0) {
        return true;
      }
      if (byteAt != wanted[i]) {
        return false;
      }
    }
    return true;
  }

  private int end(int from, char last) {
    int at = from;
    while (at < text.length && text[at] != last) {
      at++;
    }
    return at;
  }

  /** Where a line says that something is mounted; empty when it says nothing. */
  private static String point(String line) {
    int from = 0;
    for (int i = 0; i < FIELDS_BEFORE_POINT; i++) {
      int space = line.indexOf(' ', from);
      if (space < 0) {
        return "";
      }
      from = space + 1;
    }
    int to = line.indexOf(' ', from);
    return to < 0 ? "" : unescape(line.substring(from, to));
  }

  /** What this process sees now. */
  public static MountTable read() throws IOException {
    return new MountTable(Files.readAllBytes(SELF));
  }

  /**
   * Parses the text of a mountinfo file. A line that is not understood is left out: a new kernel
   * must not blind us to the mounts we know.
   *
   * @param text names in it may be any bytes; those that are no UTF-8 come out as U+FFFD
   */
  public static MountTable parse(byte[] text) {
    return new MountTable(text.clone());
  }

  private static @Nullable MountEntry entry(String line) {
    String[] fields = line.split(" ", -1);
    int separator = 6;
    while (separator < fields.length && !fields[separator].equals("-")) {
      separator++;
    }
    // A source may be empty, the options may not.
    if (separator + 3 >= fields.length) {
      return null;
    }
    try {
      return new MountEntry(
          Integer.parseInt(fields[0]),
          Integer.parseInt(fields[1]),
          fields[2],
          unescape(fields[3]),
          unescape(fields[4]),
          options(fields[5]),
          List.of(fields).subList(6, separator),
          unescape(fields[separator + 1]),
          unescape(fields[separator + 2]),
          options(fields[separator + 3]));
    } catch (NumberFormatException e) {
      return null;
    }
  }

  private static List<String> options(String field) {
    List<String> options = new ArrayList<>();
    for (String option : field.split(",")) {
      options.add(unescape(option));
    }
    return options;
  }

  /** Undoes the kernel's octal escapes: backslash and three digits. */
  static String unescape(String field) {
    if (isPlain(field)) {
      return field;
    }
    byte[] out = new byte[field.length()];
    int length = 0;
    for (int i = 0; i < field.length(); i++) {
      char c = field.charAt(i);
      int value = c == '\\' && i + 3 < field.length() ? octal(field, i + 1) : -1;
      if (value >= 0) {
        i += 3;
      }
      out[length++] = (byte) (value >= 0 ? value : c);
    }
    return new String(out, 0, length, StandardCharsets.UTF_8);
  }

  private static boolean isPlain(String field) {
    for (int i = 0; i < field.length(); i++) {
      char c = field.charAt(i);
      if (c == '\\' || c > 0x7F) {
        return false;
      }
    }
    return true;
  }

  private static int octal(String field, int at) {
    int value = 0;
    for (int i = at; i < at + 3; i++) {
      int digit = field.charAt(i) - '0';
      if (digit < 0 || digit > 7) {
        return -1;
      }
      value = value * 8 + digit;
    }
    return value <= 0xFF ? value : -1;
  }

  /** All mounts. */
  public List<MountEntry> entries() {
    return entries(lines());
  }

  private static List<MountEntry> entries(List<String> lines) {
    List<MountEntry> entries = new ArrayList<>(lines.size());
    for (String line : lines) {
      MountEntry entry = entry(line);
      if (entry != null) {
        entries.add(entry);
      }
    }
    return entries;
  }

  /** The mounts on exactly this place, the topmost last, whatever the order they were made in. */
  public List<MountEntry> at(Path place) {
    List<MountEntry> found = entries(linesAt(place.toString()));
    if (found.size() < 2) {
      return List.copyOf(found);
    }
    // Stacked mounts are attached to one another.
    found.sort(Comparator.comparingInt(e -> depth(e, found)));
    return List.copyOf(found);
  }

  private static int depth(MountEntry entry, List<MountEntry> among) {
    int depth = 0;
    MountEntry at = entry;
    while (at != null && depth < among.size()) {
      int parent = at.parentId();
      at = among.stream().filter(e -> e.id() == parent).findFirst().orElse(null);
      depth++;
    }
    return depth;
  }

  /** The topmost mount on exactly this place. */
  public @Nullable MountEntry top(Path place) {
    List<MountEntry> at = at(place);
    return at.isEmpty() ? null : at.getLast();
  }

  /** The mounts on this place and below it. */
  public List<MountEntry> below(Path place) {
    return entries(
        lines().stream().filter(line -> isBelow(point(line), place.toString())).toList());
  }

  private static boolean isBelow(String mountPoint, String place) {
    // As text: a foreign mount's name need not be one that Path takes.
    return mountPoint.equals(place)
        || mountPoint.startsWith(place.endsWith("/") ? place : place + "/");
  }
}
