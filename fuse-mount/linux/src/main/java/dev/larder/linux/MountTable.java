package dev.larder.linux;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The mounts a process sees, in the order of /proc/PID/mountinfo. A picture of one moment.
 * <b>Threads:</b> any.
 */
public final class MountTable {
  private static final Path SELF = Path.of("/proc/self/mountinfo");

  private final List<MountEntry> entries;

  private MountTable(List<MountEntry> entries) {
    this.entries = List.copyOf(entries);
  }

  /** What this process sees now. */
  public static MountTable read() throws IOException {
    return parse(Files.readAllBytes(SELF));
  }

  /**
   * Parses the text of a mountinfo file. A line that is not understood is left out: a new kernel
   * must not blind us to the mounts we know.
   *
   * @param text names in it may be any bytes; those that are no UTF-8 come out as U+FFFD
   */
  public static MountTable parse(byte[] text) {
    List<MountEntry> entries = new ArrayList<>();
    // One char a byte, until the escapes are undone.
    for (String line : new String(text, StandardCharsets.ISO_8859_1).split("\n")) {
      MountEntry entry = entry(line);
      if (entry != null) {
        entries.add(entry);
      }
    }
    return new MountTable(entries);
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
    return entries;
  }

  /** The mounts on exactly this place, the topmost last, whatever the order they were made in. */
  public List<MountEntry> at(Path place) {
    String wanted = place.toString();
    List<MountEntry> found =
        new ArrayList<>(entries.stream().filter(e -> e.mountPoint().equals(wanted)).toList());
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
    return entries.stream().filter(e -> isBelow(e.mountPoint(), place.toString())).toList();
  }

  private static boolean isBelow(String mountPoint, String place) {
    // As text: a foreign mount's name need not be one that Path takes.
    return mountPoint.equals(place)
        || mountPoint.startsWith(place.endsWith("/") ? place : place + "/");
  }
}
