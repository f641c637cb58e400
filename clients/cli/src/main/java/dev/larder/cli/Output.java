package dev.larder.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Output options every command shares, and how results are printed. */
final class Output {
  private static final ObjectMapper MAPPER =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  /** Forms of output. */
  enum Format {
    /** Columns for people. */
    table,
    /** One JSON document. */
    json,
    /** Names only, one a line. */
    quiet
  }

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      description = "Output: ${COMPLETION-CANDIDATES} (default: table).")
  Format format = Format.table;

  /** Prints a value as JSON. */
  static void json(PrintWriter out, Object value) {
    try {
      out.println(MAPPER.writeValueAsString(value));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("cannot write JSON", e);
    }
  }

  /** Parses JSON and prints it indented. */
  static void jsonText(PrintWriter out, String text) {
    try {
      out.println(MAPPER.writeValueAsString(MAPPER.readTree(text)));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("the agent's answer is not JSON", e);
    }
  }

  /** Parses JSON. */
  static com.fasterxml.jackson.databind.JsonNode parse(String text) {
    try {
      return MAPPER.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("the agent's answer is not JSON", e);
    }
  }

  /** A table: columns as wide as their widest cell, two blanks between, numbers to the right. */
  static final class Table {
    private final List<@Nullable String[]> rows = new ArrayList<>();
    private final boolean[] right;

    /** A header that starts with '>' makes its column align right. */
    Table(String... headers) {
      right = new boolean[headers.length];
      String[] shown = headers.clone();
      for (int i = 0; i < headers.length; i++) {
        right[i] = headers[i].startsWith(">");
        shown[i] = right[i] ? headers[i].substring(1) : headers[i];
      }
      rows.add(shown);
    }

    void row(String... cells) {
      rows.add(cells);
    }

    void print(PrintWriter out) {
      int[] widths = new int[right.length];
      for (String[] row : rows) {
        for (int i = 0; i < right.length; i++) {
          widths[i] = Math.max(widths[i], width(row[i]));
        }
      }
      for (String[] row : rows) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < right.length; i++) {
          String pad = " ".repeat(widths[i] - width(row[i]));
          line.append(right[i] ? pad + printable(row[i]) : printable(row[i]) + pad).append("  ");
        }
        out.println(line.toString().stripTrailing());
      }
    }

    private static int width(@Nullable String cell) {
      return printable(cell).length();
    }
  }

  /** A name as it may be shown: control characters could steer a terminal, so they are escaped. */
  static String printable(@Nullable String text) {
    if (text == null) {
      return "";
    }
    StringBuilder out = new StringBuilder(text.length());
    text.codePoints()
        .forEach(c -> {
          if (Character.isISOControl(c)) {
            out.append("\\x%02x".formatted(c));
          } else {
            out.appendCodePoint(c);
          }
        });
    return out.toString();
  }
}
