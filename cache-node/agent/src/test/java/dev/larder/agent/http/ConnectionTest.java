package dev.larder.agent.http;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.http.RawClient.Response;
import dev.larder.agent.metrics.MemoryPools;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.EOFException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Connections: order, bounds, clients that are slow, gone or hostile. */
class ConnectionTest {
  private static final int MIB = 1 << 20;

  @Test
  void answersPipelinedRequestsInOrder() throws Exception {
    try (DoorFixture fixture = new DoorFixture();
        RawClient client = fixture.connect()) {
      BlobKey small = fixture.node.file("small", 5000);
      BlobKey large = fixture.node.file("large", 250_000);
      StringBuilder all = new StringBuilder();
      int rounds = 200;
      for (int i = 0; i < rounds; i++) {
        all.append(RawClient.request("GET", "/datasets/data/small", ""));
        all.append(RawClient.request("GET", "/datasets/data/none", ""));
        all.append(RawClient.request("HEAD", "/datasets/data/large", ""));
        all.append(RawClient.request("POST", "/v1/warm", "{\"snapshot\":\"data\"}"));
        all.append(RawClient.request("GET", "/datasets/data/large", "", "Range: bytes=" + i + "-"));
      }
      Thread sender =
          Thread.ofPlatform()
              .start(() -> {
                try {
                  client.send(all.toString());
                } catch (java.io.IOException e) {
                  throw new java.io.UncheckedIOException(e);
                }
              });
      for (int i = 0; i < rounds; i++) {
        assertArrayEquals(FakeNode.bytes(small, 0, 5000), client.receive().body());
        assertEquals(404, client.receive().status());
        assertEquals(Optional.of("250000"), client.receive(true).header("Content-Length"));
        assertEquals(202, client.receive().status());
        assertArrayEquals(FakeNode.bytes(large, i, 250_000 - i), client.receive().body());
      }
      sender.join();
      assertEquals(rounds, fixture.jobs.jobs.size());
    }
  }

  @Test
  void serves64ConnectionsAtOnceOverFewWorkers() throws Exception {
    try (DoorFixture fixture = new DoorFixture();
        ExecutorService clients = Executors.newFixedThreadPool(64)) {
      BlobKey small = fixture.node.file("small", 4096);
      BlobKey large = fixture.node.file("large", 3 * MIB);
      List<Future<Integer>> results = new ArrayList<>();
      for (int c = 0; c < 64; c++) {
        int seed = c;
        results.add(
            clients.submit(() -> {
              try (RawClient client = fixture.connect()) {
                for (int i = 0; i < 20; i++) {
                  client.send(RawClient.request("GET", "/blobs/" + small, ""));
                  assertArrayEquals(FakeNode.bytes(small, 0, 4096), client.receive().body());
                  int from = seed * 1000 + i;
                  client.send(
                      RawClient.request(
                          "GET",
                          "/blobs/" + large,
                          "",
                          "Range: bytes=" + from + "-" + (from + 150_000)));
                  assertArrayEquals(FakeNode.bytes(large, from, 150_001), client.receive().body());
                }
                return 20;
              }
            }));
      }
      for (Future<Integer> result : results) {
        assertEquals(20, result.get(60, TimeUnit.SECONDS));
      }
      assertEquals(64 * 20, fixture.node.opened.get());
    }
  }

  @Test
  void aSlowReaderHoldsBoundedMemoryAndNoWorker() throws Exception {
    long size = 1L << 40;
    try (DoorFixture fixture = new DoorFixture(bounds -> bounds.workers(2, 64))) {
      BlobKey huge = fixture.node.file("huge", size);
      AtomicLong asked = new AtomicLong();
      fixture.node.reader =
          key ->
              fixture.node.new GeneratedRead(key, size) {
                @Override
                public Span next(long offset, long lengthMax) {
                  asked.set(offset);
                  return super.next(offset, lengthMax);
                }
              };
      long before = MemoryPools.bytes().get("netty_direct");
      List<RawClient> slow = new ArrayList<>();
      try {
        for (int i = 0; i < 16; i++) {
          RawClient client = new RawClient(fixture.port(), 64 << 10);
          slow.add(client);
          client.send(RawClient.request("GET", "/blobs/" + huge, ""));
          assertEquals(200, client.receiveHead().status());
        }
        DoorFixture.await(new Settled(asked), "the reads to stop");
        // What the kernel takes for one socket is its business; the agent holds a span.
        assertTrue(asked.get() < 64L * MIB, "bytes asked for: " + asked.get());
        long direct = MemoryPools.bytes().get("netty_direct") - before;
        assertTrue(direct < 16L * MIB, "direct memory: " + direct);
        assertEquals(200, fixture.get("/v1/status").status());
      } finally {
        for (RawClient client : slow) {
          client.close();
        }
      }
      DoorFixture.await(() -> fixture.node.openReads.get() == 0, "reads closed after the clients");
    }
  }

  /** True once a number stayed the same for 300 ms. */
  private static final class Settled implements java.util.function.BooleanSupplier {
    private final AtomicLong number;
    private long last = -1;
    private long since = System.nanoTime();

    Settled(AtomicLong number) {
      this.number = number;
    }

    @Override
    public boolean getAsBoolean() {
      long now = number.get();
      if (now != last) {
        last = now;
        since = System.nanoTime();
      }
      return System.nanoTime() - since > 300_000_000L;
    }
  }

  @Test
  void aStalledReaderIsCutAfterTheStallTimeout() throws Exception {
    try (DoorFixture fixture =
            new DoorFixture(b -> b.timeouts(Duration.ofSeconds(60), Duration.ofMillis(200)));
        RawClient client = new RawClient(fixture.port(), 64 << 10)) {
      BlobKey huge = fixture.node.file("huge", 1L << 40);
      client.send(RawClient.request("GET", "/blobs/" + huge, ""));
      DoorFixture.await(() -> fixture.node.opened.get() == 1, "the read to begin");
      DoorFixture.await(() -> fixture.node.openReads.get() == 0, "the read to be given up");
    }
  }

  @Test
  void slowlorisIsCutAfterTheIdleTimeout() throws Exception {
    try (DoorFixture fixture =
            new DoorFixture(b -> b.timeouts(Duration.ofMillis(300), Duration.ofSeconds(60)));
        RawClient client = fixture.connect()) {
      long started = System.nanoTime();
      assertThrows(
          java.io.IOException.class,
          () -> {
            while (System.nanoTime() - started < 10_000_000_000L) {
              client.send("G");
              java.util.concurrent.locks.LockSupport.parkNanos(20_000_000);
            }
          });
      assertTrue(System.nanoTime() - started < 5_000_000_000L);
    }
  }

  @Test
  void aClientThatLeavesWhileTheOriginIsAwaitedEndsTheRead() throws Exception {
    try (DoorFixture fixture = new DoorFixture(b -> b.workers(1, 8))) {
      BlobKey key = fixture.node.file("cold", 10 * MIB);
      CountDownLatch waiting = new CountDownLatch(1);
      CountDownLatch woken = new CountDownLatch(1);
      fixture.node.reader =
          k ->
              fixture.node.new GeneratedRead(k, 10 * MIB) {
                @Override
                public Span next(long offset, long lengthMax) {
                  waiting.countDown();
                  try {
                    closed.await();
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                  woken.countDown();
                  throw new LarderException(ErrorCode.CANCELLED, "closed");
                }
              };
      RawClient client = fixture.connect();
      client.send(RawClient.request("GET", "/blobs/" + key, ""));
      assertTrue(waiting.await(10, TimeUnit.SECONDS));
      client.close();
      assertTrue(woken.await(2, TimeUnit.SECONDS), "close() must come while next() waits");
    }
  }

  @Test
  void aSourceThatFailsLateCutsTheConnection() throws Exception {
    try (DoorFixture fixture = new DoorFixture();
        RawClient client = fixture.connect()) {
      BlobKey key = fixture.node.file("torn", 10 * MIB);
      fixture.node.reader =
          k ->
              fixture.node.new GeneratedRead(k, 10 * MIB) {
                @Override
                public Span next(long offset, long lengthMax) {
                  if (offset > 5 * MIB) {
                    throw new LarderException(ErrorCode.ORIGIN_CORRUPT, "wrong checksum");
                  }
                  return super.next(offset, lengthMax);
                }
              };
      client.send(RawClient.request("GET", "/blobs/" + key, ""));
      assertEquals(Optional.of("" + 10 * MIB), client.receiveHead().header("Content-Length"));
      assertThrows(EOFException.class, () -> client.exactly(10 * MIB));
    }
  }

  @Test
  void aSourceThatFailsAtOnceHasAStatus() throws Exception {
    try (DoorFixture fixture = new DoorFixture();
        RawClient client = fixture.connect()) {
      BlobKey key = fixture.node.file("gone", 10 * MIB);
      fixture.node.reader =
          k ->
              fixture.node.new GeneratedRead(k, 10 * MIB) {
                @Override
                public Span next(long offset, long lengthMax) {
                  throw new LarderException(ErrorCode.ORIGIN_UNAVAILABLE, "origin says 503");
                }
              };
      for (int i = 0; i < 3; i++) {
        client.send(RawClient.request("GET", "/blobs/" + key, ""));
        assertEquals(502, client.receive().status());
      }
    }
  }

  @Test
  void foreignExceptionsTellNothing() throws Exception {
    try (DoorFixture fixture = new DoorFixture()) {
      BlobKey key = fixture.node.file("bug", 10 * MIB);
      fixture.node.reader =
          k -> {
            throw new IllegalStateException("secret-canary");
          };
      Response got = fixture.get("/blobs/" + key);
      assertEquals(500, got.status());
      assertFalse(got.text().contains("canary"));
    }
  }

  @Test
  void boundsTurnAwayWithRetryAfter() throws Exception {
    try (DoorFixture fixture = new DoorFixture(b -> b.workers(1, 2).connections(8))) {
      BlobKey key = fixture.node.file("slow", MIB);
      CountDownLatch gate = new CountDownLatch(1);
      fixture.node.reader =
          k ->
              fixture.node.new GeneratedRead(k, MIB) {
                @Override
                public Span next(long offset, long lengthMax) {
                  try {
                    gate.await();
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                  return super.next(offset, lengthMax);
                }
              };
      List<RawClient> clients = new ArrayList<>();
      try {
        for (int i = 0; i < 3; i++) {
          clients.add(fixture.connect());
          clients.get(i).send(RawClient.request("GET", "/blobs/" + key, ""));
          int waiting = i;
          DoorFixture.await(() -> fixture.node.opened.get() == 1 || waiting > 0, "first read");
        }
        DoorFixture.await(() -> fixture.door.queued() == 2, "the queue to be full");
        Response busy = fixture.get("/v1/jobs");
        assertEquals(Optional.of("1"), busy.header("Retry-After"));
        assertTrue(busy.text().contains("http.worker-queue-max"), busy.text());
        assertEquals(200, fixture.get("/healthz").status());
        while (clients.size() < 8) {
          clients.add(fixture.connect());
        }
        try (RawClient more = fixture.connect()) {
          Response full = more.receive();
          assertEquals(503, full.status());
          assertEquals(Optional.of("1"), full.header("Retry-After"));
          assertTrue(more.isClosedByServer());
        }
        gate.countDown();
        for (int i = 0; i < 3; i++) {
          assertEquals(200, clients.get(i).receive().status());
        }
      } finally {
        gate.countDown();
        for (RawClient client : clients) {
          client.close();
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void fileSpansAreSentAndTheChannelStaysOpen(boolean own, @TempDir Path dir) throws Exception {
    Path file = dir.resolve("blob");
    try (DoorFixture fixture = new DoorFixture()) {
      BlobKey key = fixture.node.file("sealed", 3 * MIB);
      Files.write(file, FakeNode.bytes(key, 0, 3 * MIB));
      try (FileChannel plain = FileChannel.open(file)) {
        FileChannel channel = own ? plain : new WrappedChannel(plain);
        fixture.node.reader = k -> fixture.node.new FileRead(k, 3 * MIB, channel);
        for (String range : new String[] {"0-", "1-3000000", "77-100", "1000000-1070000"}) {
          Response got = fixture.get("/blobs/" + key, "Range: bytes=" + range);
          int from = Integer.parseInt(range.substring(0, range.indexOf('-')));
          assertArrayEquals(FakeNode.bytes(key, from, got.body().length), got.body());
        }
        ByteBuffer one = ByteBuffer.allocate(1);
        assertEquals(1, plain.read(one, 0));
        assertEquals(0, plain.position());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aFileThatIsTooShortCutsTheConnection(boolean own, @TempDir Path dir) throws Exception {
    Path file = dir.resolve("blob");
    try (DoorFixture fixture = new DoorFixture();
        RawClient client = fixture.connect()) {
      BlobKey key = fixture.node.file("short", 3 * MIB);
      Files.write(file, FakeNode.bytes(key, 0, 2 * MIB));
      try (FileChannel plain = FileChannel.open(file)) {
        FileChannel channel = own ? plain : new WrappedChannel(plain);
        fixture.node.reader = k -> fixture.node.new FileRead(k, 3 * MIB, channel);
        client.send(RawClient.request("GET", "/blobs/" + key, ""));
        assertEquals(200, client.receiveHead().status());
        assertThrows(EOFException.class, () -> client.exactly(3 * MIB));
      }
    }
  }
}
