package dev.larder.origin;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpResponse;

/**
 * What S3 says of a request it refuses.
 *
 * @param code S3's word for it; empty where there is none
 * @param message S3's sentence; empty where there is none. It may quote what was sent
 * @param region the region the bucket is in, where S3 says it
 */
record S3Error(
    int status,
    String code,
    String message,
    Optional<String> region,
    Optional<String> retryAfter,
    Optional<String> date) {
  private static final int BODY_BYTES_MAX = 64 << 10;
  private static final int MESSAGE_CHARS_MAX = 1000;
  private static final Set<String> WANTED = Set.of("Code", "Message", "Region");

  /** Reads the body, but no more than an error has. */
  static S3Error read(HttpExecuteResponse answer) {
    byte[] body = answer.responseBody().map(S3Error::bytes).orElseGet(() -> new byte[0]);
    Map<String, String> said = parse(body);
    return of(
        answer.httpResponse(),
        answer.httpResponse().statusCode(),
        said.getOrDefault("Code", ""),
        said.getOrDefault("Message", ""),
        said.get("Region"));
  }

  /** What the SDK made of it. */
  static S3Error of(AwsServiceException e) {
    AwsErrorDetails details = e.awsErrorDetails();
    if (details == null) {
      return of(null, e.statusCode(), "", "", null);
    }
    return of(
        details.sdkHttpResponse(),
        e.statusCode(),
        details.errorCode() == null ? "" : details.errorCode(),
        details.errorMessage() == null ? "" : details.errorMessage(),
        null);
  }

  private static S3Error of(
      @Nullable SdkHttpResponse head,
      int status,
      String code,
      String message,
      @Nullable String region) {
    Optional<SdkHttpResponse> answer = Optional.ofNullable(head);
    return new S3Error(
        status,
        code,
        message.length() > MESSAGE_CHARS_MAX ? message.substring(0, MESSAGE_CHARS_MAX) : message,
        answer
            .flatMap(h -> h.firstMatchingHeader("x-amz-bucket-region"))
            .or(() -> Optional.ofNullable(region)),
        answer.flatMap(h -> h.firstMatchingHeader("Retry-After")),
        answer.flatMap(h -> h.firstMatchingHeader("Date")));
  }

  private static byte[] bytes(AbortableInputStream body) {
    try (InputStream in = body) {
      byte[] bytes = in.readNBytes(BODY_BYTES_MAX);
      if (in.read() >= 0) {
        body.abort();
      }
      return bytes;
    } catch (IOException brokeOff) {
      body.abort();
      return new byte[0]; // the status says enough
    }
  }

  private static Map<String, String> parse(byte[] body) {
    Map<String, String> values = new HashMap<>();
    XMLInputFactory factory = XMLInputFactory.newDefaultFactory();
    factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
    factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
    factory.setXMLReporter((message, type, information, location) -> {});
    try {
      XMLStreamReader xml = factory.createXMLStreamReader(new ByteArrayInputStream(body));
      while (xml.hasNext()) {
        if (xml.next() == XMLStreamReader.START_ELEMENT && WANTED.contains(xml.getLocalName())) {
          values.putIfAbsent(xml.getLocalName(), xml.getElementText().strip());
        }
      }
    } catch (XMLStreamException notXml) {
      // Proxies answer in HTML; what was found until here counts.
    }
    return values;
  }
}
