package dev.larder.agent.http;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.http.RawClient.Response;
import dev.larder.protocol.BlobKey;
import java.io.EOFException;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Closing the door: what is being answered ends, nothing is begun, and it takes bounded time. */
class DrainTest {
  private static final int BYTES = 8 << 20;

  @Test
  void answersInProgressEndAndNothingIsBegun() throws Exception {
    try (DoorFixture fixture = new DoorFixture(b -> b.drain(Duration.ofSeconds(60)))) {
      BlobKey key = fixture.node.file("large", BYTES);
      CountDownLatch going = new CountDownLatch(1);
      CountDownLatch gate = new CountDownLatch(1);
      fixture.node.reader = k -> gated(fixture, k, going, gate);
      try (RawClient busy = fixture.connect();
          RawClient behind = fixture.connect();
          RawClient idle = fixture.connect()) {
        idle.send(RawClient.request("GET", "/healthz", ""));
        assertEquals(200, idle.receive().status());
        busy.send(RawClient.request("GET", "/blobs/" + key, ""));
        assertEquals(200, busy.receiveHead().status());
        // Sent before the close; its turn comes when the door is closing.
        behind.send(RawClient.request("GET", "/blobs/" + key, ""));
        assertEquals(200, behind.receiveHead().status());
        behind.send(RawClient.request("GET", "/v1/jobs", ""));
        assertTrue(going.await(10, TimeUnit.SECONDS));
        Thread closing = Thread.ofPlatform().start(fixture.door::close);
        assertTrue(idle.isClosedByServer(), "idle connections are closed at once");
        assertThrows(IOException.class, fixture::connect, "no connection is taken");
        assertTrue(closing.isAlive(), "it waits for what is being answered");
        gate.countDown();
        assertArrayEquals(FakeNode.bytes(key, 0, BYTES), busy.exactly(BYTES));
        assertArrayEquals(FakeNode.bytes(key, 0, BYTES), behind.exactly(BYTES));
        Response refused = behind.receive();
        assertEquals(503, refused.status());
        assertEquals(Optional.of("close"), refused.header("Connection"));
        assertTrue(refused.text().contains("\"CLOSED\""), refused.text());
        assertTrue(busy.isClosedByServer());
        assertTrue(behind.isClosedByServer());
        closing.join(20_000);
        assertFalse(closing.isAlive());
      }
    }
  }

  @Test
  void anAnswerBegunWhileClosingSaysThatTheConnectionCloses() throws Exception {
    try (DoorFixture fixture = new DoorFixture(b -> b.drain(Duration.ofSeconds(60)));
        RawClient client = fixture.connect()) {
      BlobKey key = fixture.node.file("large", BYTES);
      CountDownLatch going = new CountDownLatch(1);
      CountDownLatch gate = new CountDownLatch(1);
      fixture.node.reader =
          k -> {
            going.countDown();
            await(gate);
            return fixture.node.generated(k);
          };
      client.send(RawClient.request("GET", "/blobs/" + key, ""));
      assertTrue(going.await(10, TimeUnit.SECONDS));
      Thread closing = Thread.ofPlatform().start(fixture.door::close);
      DoorFixture.await(() -> isRefused(fixture), "the door to close");
      gate.countDown();
      Response head = client.receiveHead();
      assertEquals(200, head.status());
      assertEquals(Optional.of("close"), head.header("Connection"));
      assertArrayEquals(FakeNode.bytes(key, 0, BYTES), client.exactly(BYTES));
      closing.join(20_000);
      assertFalse(closing.isAlive());
    }
  }

  @Test
  void whatDoesNotEndIsCut() throws Exception {
    try (DoorFixture fixture = new DoorFixture(b -> b.drain(Duration.ofMillis(300)));
        RawClient client = fixture.connect()) {
      BlobKey key = fixture.node.file("large", BYTES);
      CountDownLatch going = new CountDownLatch(1);
      fixture.node.reader =
          k ->
              fixture.node.new GeneratedRead(k, BYTES) {
                @Override
                public Span next(long offset, long lengthMax) {
                  if (offset > 0) {
                    going.countDown();
                    await(closed);
                  }
                  return super.next(offset, lengthMax);
                }
              };
      client.send(RawClient.request("GET", "/blobs/" + key, ""));
      assertEquals(200, client.receiveHead().status());
      assertTrue(going.await(10, TimeUnit.SECONDS));
      long started = System.nanoTime();
      fixture.door.close();
      long millis = (System.nanoTime() - started) / 1_000_000;
      assertTrue(millis >= 300, "cut after ms: " + millis);
      assertTrue(millis < 8_000, "closed after ms: " + millis);
      assertThrows(EOFException.class, () -> client.exactly(BYTES));
    }
  }

  private static FakeNode.GeneratedRead gated(
      DoorFixture fixture, BlobKey key, CountDownLatch going, CountDownLatch gate) {
    return fixture.node.new GeneratedRead(key, BYTES) {
      @Override
      public Span next(long offset, long lengthMax) {
        if (offset > 0) {
          going.countDown();
          await(gate);
        }
        return super.next(offset, lengthMax);
      }
    };
  }

  private static boolean isRefused(DoorFixture fixture) {
    try (RawClient client = fixture.connect()) {
      return client.isClosedByServer();
    } catch (IOException e) {
      return true;
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
