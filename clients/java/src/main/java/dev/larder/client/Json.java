package dev.larder.client;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.StringWriter;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The agent's JSON as maps, lists, strings, longs, doubles, booleans and nulls. */
final class Json {
  private static final int DEPTH_MAX = 32;
  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(DEPTH_MAX).build())
          .build();

  private Json() {}

  /** Parses one object. */
  static Fields object(String text) {
    try (JsonParser parser = FACTORY.createParser(text)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw bad("is not a JSON object", null);
      }
      return new Fields(readObject(parser));
    } catch (IOException e) {
      throw bad("is not JSON", e);
    }
  }

  /** Writes maps of strings, booleans and longs (and maps of those) as an object. */
  static String write(Map<String, Object> fields) {
    StringWriter out = new StringWriter();
    try (JsonGenerator generator = FACTORY.createGenerator(out)) {
      writeObject(generator, fields);
    } catch (IOException e) {
      throw new IllegalStateException("writing to memory failed", e);
    }
    return out.toString();
  }

  private static void writeObject(JsonGenerator generator, Map<?, ?> fields) throws IOException {
    generator.writeStartObject();
    for (Map.Entry<?, ?> field : fields.entrySet()) {
      generator.writeFieldName(String.valueOf(field.getKey()));
      if (field.getValue() instanceof Map<?, ?> map) {
        writeObject(generator, map);
      } else if (field.getValue() instanceof Boolean flag) {
        generator.writeBoolean(flag);
      } else if (field.getValue() instanceof Long number) {
        generator.writeNumber(number);
      } else {
        generator.writeString(String.valueOf(field.getValue()));
      }
    }
    generator.writeEndObject();
  }

  private static Map<String, @Nullable Object> readObject(JsonParser parser) throws IOException {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      parser.nextToken();
      fields.put(name, readValue(parser));
    }
    return fields;
  }

  private static @Nullable Object readValue(JsonParser parser) throws IOException {
    return switch (parser.currentToken()) {
      case START_OBJECT -> readObject(parser);
      case START_ARRAY -> {
        List<@Nullable Object> items = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          items.add(readValue(parser));
        }
        yield items;
      }
      case VALUE_STRING -> parser.getText();
      case VALUE_NUMBER_INT -> parser.getLongValue();
      case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
      case VALUE_TRUE -> Boolean.TRUE;
      case VALUE_FALSE -> Boolean.FALSE;
      case VALUE_NULL -> null;
      default -> throw bad("has an unexpected token " + parser.currentToken(), null);
    };
  }

  private static LarderException bad(String rule, @Nullable Throwable cause) {
    return new LarderException(ErrorCode.AGENT_UNAVAILABLE, "the agent's answer " + rule, cause);
  }

  /** Fields of an object, with errors that name the field. */
  static final class Fields {
    private final Map<String, @Nullable Object> map;

    Fields(Map<String, @Nullable Object> map) {
      this.map = map;
    }

    boolean has(String name) {
      return map.get(name) != null;
    }

    String text(String name) {
      return optionalText(name).orElseThrow(() -> missing(name));
    }

    Optional<String> optionalText(String name) {
      return map.get(name) instanceof String text ? Optional.of(text) : Optional.empty();
    }

    long number(String name) {
      if (map.get(name) instanceof Number number) {
        return number.longValue();
      }
      throw missing(name);
    }

    boolean flag(String name) {
      if (map.get(name) instanceof Boolean flag) {
        return flag;
      }
      throw missing(name);
    }

    Instant time(String name) {
      return Instant.parse(text(name));
    }

    Fields fields(String name) {
      return asFields(name, map.get(name));
    }

    List<Fields> list(String name) {
      if (map.get(name) instanceof List<?> items) {
        List<Fields> out = new ArrayList<>();
        for (Object item : items) {
          out.add(asFields(name, item));
        }
        return out;
      }
      throw missing(name);
    }

    List<Long> numbers(String name) {
      if (map.get(name) instanceof List<?> items) {
        List<Long> out = new ArrayList<>();
        for (Object item : items) {
          if (!(item instanceof Number number)) {
            throw missing(name);
          }
          out.add(number.longValue());
        }
        return out;
      }
      throw missing(name);
    }

    Map<String, String> strings(String name) {
      Map<String, String> out = new LinkedHashMap<>();
      if (map.get(name) instanceof Map<?, ?> fields) {
        fields.forEach((key, value) -> out.put(String.valueOf(key), String.valueOf(value)));
      }
      return out;
    }

    private static Fields asFields(String name, @Nullable Object value) {
      if (value instanceof Map<?, ?> fields) {
        Map<String, @Nullable Object> copy = new LinkedHashMap<>();
        fields.forEach((key, item) -> copy.put(String.valueOf(key), item));
        return new Fields(copy);
      }
      throw missing(name);
    }

    private static LarderException missing(String name) {
      return bad("lacks the field \"" + name + "\"", null);
    }
  }
}
