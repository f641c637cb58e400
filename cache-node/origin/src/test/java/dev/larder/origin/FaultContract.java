package dev.larder.origin;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.testkit.FakeClock;
import dev.larder.testkit.Fault;
import dev.larder.testkit.FaultyHttpServer;
import dev.larder.testkit.Seeds;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every origin that reads over HTTP does with a server that misbehaves. */
abstract class FaultContract {
  private static final String ETAG = "e1";

  FaultyHttpServer server;
  byte[] content;
  OriginObject object;

  /** URL path of the object. */
  abstract String path();

  abstract Origin open(TestContext context);

  /** What the provider makes of a server's refusal. */
  abstract OriginObject object(byte[] content, String version);

  @BeforeEach
  void start() throws Exception {
    server = FaultyHttpServer.start();
    content = new byte[3_000_000];
    new Random(42).nextBytes(content);
    server.put(path(), content, ETAG);
    object = object(content, ETAG);
  }

  @AfterEach
  void stop() throws Exception {
    server.close();
  }

  OriginObject listed(String uri, String version) {
    return new OriginObject(
        "x",
        OriginObject.Type.FILE,
        uri,
        version,
        content.length,
        Instant.EPOCH,
        Optional.empty(),
        Optional.empty());
  }

  private byte[] slice(int from, int length) {
    return Arrays.copyOfRange(content, from, from + length);
  }

  @Test
  void goesOnFromTheLastByteAfterATruncation() {
    TestContext context = new TestContext();
    try (Origin origin = open(context)) {
      server.spoil(
          path(), new Fault.Truncate(10_000), new Fault.Truncate(0), new Fault.Status(500));
      assertArrayEquals(slice(500, 900_000), Reads.range(origin, object, 500, 900_000));
      List<String> ranges =
          server.requests().stream().map(r -> r.header("Range")).distinct().toList();
      assertEquals(List.of("bytes=500-900499", "bytes=10500-900499"), ranges);
      assertEquals(3, context.counts.retries.get());
      assertEquals(900_000, context.counts.bytes.get());
    }
  }

  @Test
  void breaksOffAtRandomNeverGiveAWrongByte() {
    try (Origin origin = open(new TestContext())) {
      Seeds.run(
          5,
          random -> {
            List<Fault> faults = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
              faults.add(new Fault.Truncate(random.nextInt(800_000)));
            }
            server.spoil(path(), faults.toArray(new Fault[0]));
            int from = random.nextInt(100_000);
            int length = 2_500_000 + random.nextInt(300_000);
            assertArrayEquals(slice(from, length), Reads.range(origin, object, from, length));
          });
    }
  }

  @Test
  void givesUpAfterItsAttempts() {
    TestContext context = new TestContext();
    try (Origin origin = open(context)) {
      server.spoil(path(), repeat(new Fault.Status(503), 10));
      LarderException e =
          Reads.fails(ErrorCode.ORIGIN_UNAVAILABLE, () -> Reads.range(origin, object, 0, 10));
      assertTrue(e.getMessage().contains("origin.attempts-max"), e.getMessage());
      assertEquals(TestContext.FAST.attemptsMax(), server.requests().size());
      assertEquals(List.of(ErrorCode.ORIGIN_UNAVAILABLE), context.counts.errors);
    }
  }

  @Test
  void anOriginThatTricklesIsNotAskedForEver() {
    try (Origin origin = open(new TestContext())) {
      server.spoil(path(), repeat(new Fault.Truncate(100), 50));
      Reads.fails(ErrorCode.ORIGIN_UNAVAILABLE, () -> Reads.range(origin, object, 0, 100_000));
      assertTrue(server.requests().size() <= TestContext.FAST.attemptsMax());
    }
  }

  @Test
  void busyServersAreAskedAgain() {
    for (int status : List.of(500, 502, 503, 429)) {
      try (Origin origin = open(new TestContext())) {
        server.spoil(path(), new Fault.Status(status), new Fault.Status(status));
        assertArrayEquals(slice(7, 100), Reads.range(origin, object, 7, 100));
      }
    }
  }

  @Test
  void retryAfterIsHonouredAndBackOffIsJittered() {
    FakeClock clock = new FakeClock();
    try (Origin origin = open(new TestContext().clock(clock))) {
      server.spoil(
          path(), new Fault.Status(503, "7"), new Fault.Status(429), new Fault.Status(500));
      assertArrayEquals(slice(7, 100), Reads.range(origin, object, 7, 100));
      // Half of 1, 2 and 4 ms, the fake chance being one half.
      assertEquals(
          List.of(
              Duration.ofSeconds(7).plusNanos(500_000), Duration.ofMillis(1), Duration.ofMillis(2)),
          clock.sleeps());
      server.spoil(path(), new Fault.Status(503, "3600"));
      LarderException e =
          Reads.fails(ErrorCode.ORIGIN_UNAVAILABLE, () -> Reads.range(origin, object, 7, 100));
      assertTrue(e.getMessage().contains("3600"), e.getMessage());
    }
  }

  @Test
  void refusalsAreNotRepeated() {
    for (var refusal :
        List.of(
            java.util.Map.entry(401, ErrorCode.ORIGIN_DENIED),
            java.util.Map.entry(403, ErrorCode.ORIGIN_DENIED),
            java.util.Map.entry(404, ErrorCode.ORIGIN_GONE),
            java.util.Map.entry(416, ErrorCode.ORIGIN_CHANGED))) {
      try (Origin origin = open(new TestContext())) {
        int before = server.requests().size();
        server.spoil(path(), new Fault.Status(refusal.getKey()));
        Reads.fails(refusal.getValue(), () -> Reads.range(origin, object, 7, 100));
        assertEquals(before + 1, server.requests().size());
      }
    }
  }

  @Test
  void anotherVersionIsNeverRead() {
    server.ignoreConditions(true);
    try (Origin origin = open(new TestContext())) {
      server.spoil(path(), new Fault.OtherEtag("\"e2\""));
      Reads.fails(ErrorCode.ORIGIN_CHANGED, () -> Reads.range(origin, object, 0, 100));
      server.spoil(path(), new Fault.Truncate(50_000), new Fault.OtherEtag("\"e2\""));
      try (Origin.OriginRead read = origin.open(object, 0, 1_000_000)) {
        LarderException e =
            Reads.fails(
                ErrorCode.ORIGIN_CHANGED, () -> Reads.drain(read, ByteBuffer.allocate(4096)));
        assertTrue(e.getMessage().contains("e2"), e.getMessage());
        Reads.fails(ErrorCode.CLOSED, () -> read.read(ByteBuffer.allocate(10)));
      }
      server.put(path(), Arrays.copyOf(content, 2_000_000), ETAG);
      Reads.fails(ErrorCode.ORIGIN_CHANGED, () -> Reads.range(origin, object, 0, 100));
    }
  }

  @Test
  void wrongRangesAreNeverRead() {
    try (Origin origin = open(new TestContext())) {
      server.spoil(path(), new Fault.OtherRange(1));
      assertArrayEquals(slice(10, 100), Reads.range(origin, object, 10, 100));
      server.spoil(path(), repeat(new Fault.OtherRange(1), 10));
      Reads.fails(ErrorCode.ORIGIN_CORRUPT, () -> Reads.range(origin, object, 10, 100));
    }
  }

  @Test
  void aBodyThatIsTooLongGivesOnlyTheRange() {
    try (Origin origin = open(new TestContext())) {
      server.spoil(path(), new Fault.TooLong(5000));
      assertArrayEquals(slice(10, 100), Reads.range(origin, object, 10, 100));
    }
  }

  @Test
  void stallsAreDroppedAtTheDeadlineAndAskedAgain() {
    try (Origin origin = open(new TestContext().deadline(Duration.ofMillis(300)))) {
      server.spoil(path(), new Fault.Stall(10_000), new Fault.Silence());
      assertArrayEquals(slice(0, 100_000), Reads.range(origin, object, 0, 100_000));
      assertEquals("bytes=10000-99999", server.requests().getLast().header("Range"));
      server.spoil(path(), repeat(new Fault.Silence(), 10));
      LarderException e =
          Reads.fails(ErrorCode.DEADLINE, () -> Reads.range(origin, object, 0, 100_000));
      assertTrue(e.getMessage().contains("origin.progress-deadline"), e.getMessage());
    }
  }

  @Test
  void slowIsNotStalled() {
    TestContext context = new TestContext().deadline(Duration.ofMillis(400));
    try (Origin origin = open(context)) {
      server.spoil(path(), new Fault.Slow(10_000, Duration.ofMillis(60)));
      assertArrayEquals(slice(0, 150_000), Reads.range(origin, object, 0, 150_000));
      assertEquals(0, context.counts.retries.get());
    }
  }

  @Test
  void anInterruptEndsAReadThatWaits() throws Exception {
    for (Fault fault : List.of(new Fault.Silence(), new Fault.Stall(1000))) {
      try (Origin origin = open(new TestContext())) {
        server.spoil(path(), fault);
        int before = server.requests().size();
        CountDownLatch done = new CountDownLatch(1);
        List<Throwable> seen = new ArrayList<>();
        Thread reader =
            Thread.ofPlatform()
                .start(() -> {
                  try {
                    Reads.range(origin, object, 0, 100_000);
                  } catch (Throwable e) {
                    seen.add(e);
                  } finally {
                    done.countDown();
                  }
                });
        await(() -> server.requests().size() > before);
        reader.interrupt();
        assertTrue(done.await(5, TimeUnit.SECONDS), "the read went on");
        assertEquals(ErrorCode.CANCELLED, ((LarderException) seen.getFirst()).code());
      }
    }
  }

  @Test
  void closingTheOriginEndsAReadThatWaits() throws Exception {
    Origin origin = open(new TestContext());
    server.spoil(path(), new Fault.Stall(1000));
    try (ExecutorService pool = Executors.newSingleThreadExecutor()) {
      CountDownLatch begun = new CountDownLatch(1);
      Future<LarderException> failure =
          pool.submit(() -> {
            try (Origin.OriginRead read = origin.open(object, 0, 100_000)) {
              begun.countDown();
              return Reads.fails(
                  ErrorCode.CLOSED, () -> Reads.drain(read, ByteBuffer.allocate(4096)));
            }
          });
      assertTrue(begun.await(10, TimeUnit.SECONDS));
      origin.close();
      failure.get(5, TimeUnit.SECONDS);
    }
  }

  @Test
  void noMoreConnectionsThanTheCap() throws Exception {
    int cap = 3;
    try (Origin origin = open(new TestContext().connections(cap));
        ExecutorService pool = Executors.newFixedThreadPool(12)) {
      List<Future<byte[]>> reads = new ArrayList<>();
      for (int i = 0; i < 24; i++) {
        server.spoil(path(), new Fault.Slow(20_000, Duration.ofMillis(2)));
        int from = i * 1000;
        reads.add(pool.submit(() -> Reads.range(origin, object, from, 100_000)));
      }
      for (int i = 0; i < reads.size(); i++) {
        assertArrayEquals(slice(i * 1000, 100_000), reads.get(i).get());
      }
      assertTrue(server.concurrencyMax() <= cap, "at once: " + server.concurrencyMax());
    }
  }

  @Test
  void aReaderThatSitsOnTheLastConnectionIsNamed() {
    try (Origin origin = open(new TestContext().connections(1).deadline(Duration.ofMillis(50)));
        Origin.OriginRead held = origin.open(object, 0, 100_000)) {
      LarderException e = Reads.fails(ErrorCode.TOO_MANY, () -> Reads.range(origin, object, 0, 10));
      assertTrue(e.getMessage().contains("origin.connections-max"), e.getMessage());
      held.close();
      assertArrayEquals(slice(0, 10), Reads.range(origin, object, 0, 10));
    }
  }

  @Test
  void readsThatAreGivenUpFreeTheirConnections() {
    try (Origin origin = open(new TestContext().connections(1))) {
      for (int i = 0; i < 20; i++) {
        try (Origin.OriginRead read = origin.open(object, 0, 3_000_000)) {
          assertTrue(read.read(ByteBuffer.allocate(10)) > 0);
        }
        server.spoil(path(), new Fault.Status(404));
        Reads.fails(ErrorCode.ORIGIN_GONE, () -> Reads.range(origin, object, 0, 10));
      }
      assertArrayEquals(slice(0, 10), Reads.range(origin, object, 0, 10));
    }
  }

  @Test
  void bandwidthIsCapped() {
    FakeClock clock = new FakeClock();
    long bytesPerSecond = 1_000_000;
    try (Origin origin = open(new TestContext().clock(clock).bandwidth(bytesPerSecond))) {
      Reads.all(origin, object);
      double seconds = clock.nanos() / 1e9;
      // Less than the bytes' own time only by the burst of 20 ms.
      assertTrue(seconds > 2.97 && seconds < 3.01, seconds + " s for 3 MB at 1 MB/s");
    }
  }

  static Fault[] repeat(Fault fault, int times) {
    Fault[] faults = new Fault[times];
    Arrays.fill(faults, fault);
    return faults;
  }

  static void await(java.util.function.BooleanSupplier condition) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < end, "waited in vain");
      Thread.onSpinWait();
    }
  }
}
