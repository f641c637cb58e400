package dev.larder.agent.http;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** JSON in and out: strict about what comes in, bounded in depth and size. Any thread. */
final class Json {
  private static final int DEPTH_MAX = 8;
  private static final ObjectMapper MAPPER =
      new ObjectMapper(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(DEPTH_MAX)
                          .maxStringLength(64 << 10)
                          .maxNameLength(256)
                          .maxNumberLength(32)
                          .build())
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);

  private Json() {}

  static ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  static byte[] bytes(JsonNode node) {
    try {
      return MAPPER.writeValueAsBytes(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree of our own cannot be written", e);
    }
  }

  static ObjectMapper mapper() {
    return MAPPER;
  }

  /**
   * Parses a request's object and checks its fields' names.
   *
   * @throws LarderException BAD_REQUEST names the field, or says where the text is not JSON
   */
  static Fields parse(byte[] body, Set<String> known) {
    JsonNode node;
    try {
      node = MAPPER.readTree(body);
    } catch (JsonProcessingException e) {
      throw new LarderException(
          ErrorCode.BAD_REQUEST, "the body is not JSON: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.BAD_REQUEST, "the body cannot be read", e);
    }
    if (!(node instanceof ObjectNode object)) {
      throw bad("the body must be a JSON object");
    }
    object
        .fieldNames()
        .forEachRemaining(name -> {
          if (!known.contains(name)) {
            throw bad("unknown field \"" + RequestTarget.shown(name) + "\"");
          }
        });
    return new Fields(object);
  }

  private static LarderException bad(String message) {
    return new LarderException(ErrorCode.BAD_REQUEST, message);
  }

  /** Fields of a request's object. */
  record Fields(ObjectNode node) {
    /** A text that must be there. */
    String text(String name) {
      JsonNode value = node.get(name);
      if (value == null || value.isNull()) {
        throw bad("field \"" + name + "\" is missing");
      }
      if (!value.isTextual()) {
        throw bad("field \"" + name + "\" must be a string");
      }
      return value.textValue();
    }

    /** A text that may be missing. */
    String text(String name, String otherwise) {
      return node.hasNonNull(name) ? text(name) : otherwise;
    }

    /** A time in milliseconds; zero when missing. */
    Duration millis(String name) {
      JsonNode value = node.get(name);
      if (value == null || value.isNull()) {
        return Duration.ZERO;
      }
      if (!value.canConvertToLong() || !value.isIntegralNumber() || value.longValue() < 0) {
        throw bad("field \"" + name + "\" must be a number of milliseconds");
      }
      return Duration.ofMillis(value.longValue());
    }

    /** True or false; false when missing. */
    boolean flag(String name) {
      JsonNode value = node.get(name);
      if (value == null || value.isNull()) {
        return false;
      }
      if (!value.isBoolean()) {
        throw bad("field \"" + name + "\" must be true or false");
      }
      return value.booleanValue();
    }

    /** An object of texts; empty when missing. */
    Map<String, String> texts(String name) {
      JsonNode value = node.get(name);
      if (value == null || value.isNull()) {
        return Map.of();
      }
      if (!(value instanceof ObjectNode object)) {
        throw bad("field \"" + name + "\" must be an object of strings");
      }
      Map<String, String> out = new LinkedHashMap<>();
      for (Map.Entry<String, JsonNode> entry : object.properties()) {
        if (!entry.getValue().isTextual()) {
          throw bad(
              "field \""
                  + name
                  + "."
                  + RequestTarget.shown(entry.getKey())
                  + "\" must be a string");
        }
        out.put(entry.getKey(), entry.getValue().textValue());
      }
      return out;
    }
  }
}
