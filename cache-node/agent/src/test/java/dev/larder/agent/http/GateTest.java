package dev.larder.agent.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.http.RawClient.Response;
import dev.larder.protocol.ErrorCode;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who gets in: tokens, hosts, web pages; and what is said to the others. */
class GateTest {
  private final DoorFixture fixture = new DoorFixture();

  @AfterEach
  void close() {
    fixture.close();
  }

  private static String sample(Route route) {
    return route.pattern().replace("/**", "/a").replace("*", "data");
  }

  private Response raw(String text) throws Exception {
    try (RawClient client = fixture.connect()) {
      client.send(text);
      return client.receive(text.startsWith("HEAD"));
    }
  }

  @ParameterizedTest
  @EnumSource(Route.class)
  void everyRouteButTheProbesNeedsTheToken(Route route) throws Exception {
    for (String method : route.methods()) {
      for (String authorization :
          new String[] {
            "",
            "Authorization: Bearer wrong\r\n",
            "Authorization: Bearer " + DoorFixture.TOKEN + "x\r\n",
            "Authorization: Bearer \r\n",
            "Authorization: Basic " + DoorFixture.TOKEN + "\r\n",
            "Authorization: Bearer x\r\nAuthorization: Bearer " + DoorFixture.TOKEN + "\r\n",
          }) {
        Response got =
            raw(
                method
                    + " "
                    + sample(route)
                    + " HTTP/1.1\r\nHost: localhost\r\n"
                    + authorization
                    + "\r\n");
        if (route.isPublic()) {
          assertEquals(200, got.status(), method + " " + route);
        } else {
          assertEquals(401, got.status(), method + " " + route);
          assertEquals(Optional.of("Bearer realm=\"larder\""), got.header("WWW-Authenticate"));
        }
      }
      Response known = fixture.exchange(method, sample(route), "");
      assertNotEquals(401, known.status(), method + " " + route);
      assertNotEquals(405, known.status(), method + " " + route);
      assertNotEquals(500, known.status(), method + " " + route);
    }
    assertEquals(2, java.util.Arrays.stream(Route.values()).filter(Route::isPublic).count());
  }

  @Test
  void whatDoesNotExistIsNotToldToStrangers() throws Exception {
    for (String target : new String[] {"/nothing", "/healthz/x", "/../x", "/datasets/%ff/a"}) {
      assertEquals(401, raw("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n").status());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "localhost, 200",
    "LOCALHOST:7450, 200",
    "127.0.0.1:1, 200",
    "127.1.2.3, 200",
    "[::1]:7450, 200",
    "door.test, 200",
    "evil.example, 400",
    "evil.example:7450, 400",
    "localhost.evil.example, 400",
    "127.0.0.1.evil.example, 400",
    "127.0.0.256, 400",
    "127.0.0, 400",
    "0.0.0.0, 400",
    "10.0.0.1, 400",
    "[::2], 400",
    "[::1, 400",
    "localhost:http, 400",
    "localhost:123456, 400",
    "'', 400",
    "user@localhost, 400",
  })
  void onlyHostsOfThisMachineAreAnswered(String host, int status) throws Exception {
    assertEquals(status, raw("GET /healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n").status());
  }

  @Test
  void hostIsNeededOnceAndTheAbsoluteFormCounts() throws Exception {
    assertEquals(400, raw("GET /healthz HTTP/1.1\r\n\r\n").status());
    assertEquals(
        400, raw("GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n").status());
    assertEquals(400, raw("GET http://evil/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").status());
    assertEquals(
        200, raw("GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").status());
  }

  @Test
  void webPagesMayNotChangeAnything() throws Exception {
    Response got =
        fixture.exchange("POST", "/v1/warm", "{\"snapshot\":\"data\"}", "Origin: http://localhost");
    assertEquals(400, got.status());
    assertTrue(fixture.jobs.jobs.isEmpty());
    assertEquals(200, fixture.get("/v1/jobs", "Origin: http://localhost").status());
  }

  @Test
  void http10ClosesUnlessAskedNotTo() throws Exception {
    try (RawClient client = fixture.connect()) {
      client.send("GET /healthz HTTP/1.0\r\n\r\n");
      assertEquals(Optional.of("close"), client.receive().header("Connection"));
      assertTrue(client.isClosedByServer());
    }
    try (RawClient client = fixture.connect()) {
      for (int i = 0; i < 3; i++) {
        client.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assertEquals(Optional.of("keep-alive"), client.receive().header("Connection"));
      }
      client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
      assertEquals(200, client.receive().status());
      assertTrue(client.isClosedByServer());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "POST, /v1/jobs, 405",
    "PUT, /v1/warm, 405",
    "OPTIONS, /healthz, 405",
    "GET, /v1/warm, 405",
    "FOO, /v1/nothing, 404",
    "DELETE, /datasets/data/a, 405",
  })
  void unknownMethods(String method, String target, int status) throws Exception {
    Response got = fixture.exchange(method, target, "");
    assertEquals(status, got.status());
    assertEquals(status == 405, got.header("Allow").isPresent());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n|505",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n|505",
        "nonsense\r\n\r\n|400",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n|400",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n|400",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx|400",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n|400",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n|400",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n|400",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\n\r\n|417",
      })
  void malformedRequestsAreAnsweredAndDoNotHang(String textAndStatus) throws Exception {
    int bar = textAndStatus.lastIndexOf('|');
    Response got = raw(textAndStatus.substring(0, bar));
    assertEquals(Integer.parseInt(textAndStatus.substring(bar + 1)), got.status());
    assertEquals(200, raw("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").status());
  }

  @Test
  void longHeadsAndBodiesAreRefusedEvenWhileTheyAreSent() throws Exception {
    assertEquals(414, fixture.get("/" + "a".repeat(20_000)).status());
    assertEquals(431, fixture.get("/healthz", "X: " + "a".repeat(20_000)).status());
    assertEquals(413, fixture.exchange("POST", "/v1/warm", "x".repeat(70_000)).status());
    String chunk = "1000\r\n" + "x".repeat(4096) + "\r\n";
    String head = RawClient.request("POST", "/v1/warm", "", "Transfer-Encoding: chunked");
    assertEquals(413, raw(head + chunk.repeat(20)).status());
  }

  @Test
  void continueIsSaidBeforeABody() throws Exception {
    try (RawClient client = fixture.connect()) {
      String body = "{\"snapshot\":\"data\"}";
      String all = RawClient.request("POST", "/v1/warm", body, "Expect: 100-continue");
      client.send(all.substring(0, all.length() - body.length()));
      assertEquals(100, client.receive().status());
      client.send(body);
      assertEquals(202, client.receive().status());
    }
  }

  @ParameterizedTest
  @EnumSource(ErrorCode.class)
  void everyCodeHasAStatusAndReachesTheClient(ErrorCode code) throws Exception {
    int status = ErrorStatuses.status(code);
    assertTrue(status >= 400 && status < 600);
    assertFalse(ErrorStatuses.reason(status).isEmpty());
    fixture.node.file("f", 1_000_000);
    fixture.node.reader =
        key -> {
          throw new dev.larder.protocol.LarderException(code, "fault " + code);
        };
    Response got = fixture.get("/datasets/data/f");
    assertEquals(status, got.status());
    assertTrue(got.text().contains("\"code\":\"" + code + "\""));
    assertTrue(got.text().contains("fault " + code));
  }
}
