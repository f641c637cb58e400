package dev.larder.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.client.LarderClient.DownloadResult;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.NonWritableChannelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The client against an agent that loses connections, answers wrong things, or is not there. */
class LarderClientTest {
  private static final int LARGE_BYTES = (3 << 20) + 12345;

  @TempDir Path directory;
  private FakeAgent agent;
  private LarderClient client;

  @BeforeEach
  void start() throws Exception {
    agent = new FakeAgent(directory.resolve("agent"));
    byte[] large = new byte[LARGE_BYTES];
    new Random(1).nextBytes(large);
    agent.files.put("models/large.bin", large);
    agent.files.put("models/small.txt", "hello".getBytes());
    agent.files.put("docs/empty", new byte[0]);
    client = LarderClient.builder().agentFile(agent.agentFile()).build();
  }

  @AfterEach
  void stop() {
    client.close();
    agent.close();
  }

  @Test
  void streamsGoOnWhereAConnectionWasLost() throws Exception {
    agent.cutAfterBytes = 700_000;
    agent.cuts.set(3);
    try (InputStream in = client.openStream("data", "models/large.bin")) {
      assertArrayEquals(agent.files.get("models/large.bin"), in.readAllBytes());
    }
    long gets = agent.requests.stream().filter(r -> r.contains("bytes=")).count();
    assertEquals(4, gets, agent.requests.toString());
  }

  @Test
  void aSourceThatNeverDeliversEndsAfterItsTries() {
    agent.cutAfterBytes = 0;
    agent.cuts.set(Integer.MAX_VALUE);
    LarderException e =
        assertThrows(
            LarderException.class,
            () -> {
              try (InputStream in = client.openStream("data", "models/large.bin")) {
                in.read();
              }
            });
    assertEquals(ErrorCode.AGENT_UNAVAILABLE, e.code());
    assertTrue(e.getMessage().contains("models/large.bin"), e.getMessage());
  }

  @Test
  void positionalReadsAreRightAnywhere() throws Exception {
    byte[] wanted = agent.files.get("models/large.bin");
    long seed = Long.getLong("larder.seed", new Random().nextLong());
    Random random = new Random(seed);
    try (RemoteFile file = client.open("data", "models/large.bin")) {
      for (int i = 0; i < 60; i++) {
        int offset = random.nextInt(wanted.length);
        ByteBuffer target = ByteBuffer.allocate(1 + random.nextInt(100_000));
        int count = file.read(target, offset);
        for (int j = 0; j < count; j++) {
          assertEquals(wanted[offset + j], target.get(j), "seed " + seed);
        }
      }
      assertEquals(-1, file.read(ByteBuffer.allocate(1), wanted.length));
      assertEquals(wanted.length, file.size());
      assertThrows(NonWritableChannelException.class, () -> file.write(ByteBuffer.allocate(1)));
    }
  }

  @Test
  void anotherVersionIsNeverHandedOut() {
    agent.wrongEtag = true;
    assertEquals(
        ErrorCode.INTERNAL,
        assertThrows(
                LarderException.class,
                () -> {
                  try (InputStream in = client.openStream("data", "models/large.bin")) {
                    in.read();
                  }
                })
            .code());
  }

  @Test
  void sealedBlobsAreReadFromTheStoresFile() throws Exception {
    seal("models/large.bin");
    try (RemoteFile file = client.open("data", "models/large.bin")) {
      assertTrue(file.isDirect());
      ByteBuffer target = ByteBuffer.allocate(1000);
      assertEquals(1000, file.read(target, 2_000_000));
    }
    assertTrue(agent.requests.stream().noneMatch(r -> r.contains("bytes=")), "asked the agent");
    try (LarderClient remote =
            LarderClient.builder().agentFile(agent.agentFile()).directReads(false).build();
        RemoteFile file = remote.open("data", "models/large.bin")) {
      assertEquals(1000, file.read(ByteBuffer.allocate(1000), 2_000_000));
      assertFalse(file.isDirect());
    }
    assertTrue(agent.requests.stream().anyMatch(r -> r.contains("bytes=")), "read past the agent");
  }

  @Test
  void downloadsKeepPathsTimesAndBytes() throws Exception {
    Path target = directory.resolve("out");
    DownloadResult result = client.download(DownloadRequest.of("data", "", target));
    assertEquals(3, result.files().size());
    for (String path : agent.files.keySet()) {
      assertArrayEquals(agent.files.get(path), Files.readAllBytes(target.resolve(path)));
      assertEquals(
          Instant.parse("2026-01-02T03:04:05.123456789Z"),
          Files.getLastModifiedTime(target.resolve(path)).toInstant());
    }
    assertEquals(3, client.download(DownloadRequest.of("data", "", target)).skippedFiles());
    assertEquals(2, client.download(DownloadRequest.of("data", "models", target)).files().size());
    assertEquals(1, client.download(DownloadRequest.of("data", "**/*.txt", target)).files().size());
    assertNoPartFiles(target);
  }

  @Test
  void smallFilesTakeOneRequestEach() throws Exception {
    for (int i = 0; i < 20; i++) {
      agent.files.put("many/" + i, ("file " + i).repeat(500).getBytes());
    }
    Path target = directory.resolve("out");
    client.download(DownloadRequest.of("data", "many", target));
    for (int i = 0; i < 20; i++) {
      assertArrayEquals(
          agent.files.get("many/" + i), Files.readAllBytes(target.resolve("many/" + i)));
    }
    // Beside them the path is looked up and listed.
    assertEquals(22, agent.requests.size(), agent.requests.toString());
    assertNoPartFiles(target);
  }

  @Test
  void aSmallFileCutShortIsAskedForAgain() throws Exception {
    agent.cutAfterBytes = 2;
    agent.cuts.set(2);
    try (InputStream in = client.openStream("data", "models/small.txt")) {
      assertEquals("hello", new String(in.readAllBytes()));
    }
    assertEquals(4, agent.requests.size(), agent.requests.toString());
  }

  @Test
  void wrongBytesOfASmallFileAreNeverKept() throws Exception {
    Path target = directory.resolve("out");
    agent.wrongRoot = true;
    for (boolean named : new boolean[] {true, false}) {
      agent.namesRoots = named;
      LarderException e =
          assertThrows(
              LarderException.class,
              () -> client.download(DownloadRequest.of("data", "models/small.txt", target)));
      assertEquals(ErrorCode.STORE_CORRUPT, e.code());
      assertFalse(Files.exists(target.resolve("models/small.txt")));
      assertNoPartFiles(target);
    }
  }

  @Test
  void anotherVersionOfASmallFileIsNeverHandedOut() {
    agent.wrongEtag = true;
    assertCode(
        ErrorCode.INTERNAL,
        () -> client.download(DownloadRequest.of("data", "models", directory.resolve("out"))));
  }

  @Test
  void anInterruptedDownloadGoesOnWhereItStopped() throws Exception {
    Path target = directory.resolve("out");
    agent.cutAfterBytes = 2_200_000;
    agent.cuts.set(1000);
    LarderClient impatient =
        LarderClient.builder().agentFile(agent.agentFile()).attemptsMax(1).build();
    DownloadRequest request = DownloadRequest.of("data", "models/large.bin", target);
    assertThrows(LarderException.class, () -> impatient.download(request));
    agent.cuts.set(0);
    agent.requests.clear();
    DownloadResult result = impatient.download(request);
    impatient.close();
    assertTrue(result.transferredBytes() < LARGE_BYTES, "all of it was fetched again");
    assertArrayEquals(
        agent.files.get("models/large.bin"),
        Files.readAllBytes(target.resolve("models/large.bin")));
    assertNoPartFiles(target);
  }

  @Test
  void wrongBytesAreNeverKept() throws Exception {
    Path target = directory.resolve("out");
    agent.wrongRoot = true;
    LarderException e =
        assertThrows(
            LarderException.class,
            () -> client.download(DownloadRequest.of("data", "models/large.bin", target)));
    assertEquals(ErrorCode.STORE_CORRUPT, e.code());
    assertFalse(Files.exists(target.resolve("models/large.bin")));
    assertNoPartFiles(target);
  }

  @Test
  void filesWithOtherContentAreLeftAloneUnlessAskedFor() throws Exception {
    Path target = directory.resolve("out");
    Files.createDirectories(target.resolve("models"));
    Files.writeString(target.resolve("models/small.txt"), "mine");
    DownloadRequest request = DownloadRequest.of("data", "models/small.txt", target);
    LarderException e = assertThrows(LarderException.class, () -> client.download(request));
    assertEquals(ErrorCode.ALREADY_EXISTS, e.code());
    assertTrue(e.getMessage().contains("small.txt"));
    assertEquals("mine", Files.readString(target.resolve("models/small.txt")));
    client.download(
        new DownloadRequest("data", "models/small.txt", target, 1, true, progress -> {}));
    assertEquals("hello", Files.readString(target.resolve("models/small.txt")));
  }

  @Test
  void hostilePathsNeverLeaveTheTarget() {
    agent.files.put("../escape", "x".getBytes());
    LarderException e =
        assertThrows(
            LarderException.class,
            () -> client.download(DownloadRequest.of("data", "**", directory.resolve("out"))));
    assertEquals(ErrorCode.BAD_REQUEST, e.code());
    assertFalse(Files.exists(directory.resolve("escape")));
  }

  @Test
  void aThrowingListenerCancels() {
    DownloadRequest request =
        DownloadRequest.of("data", "", directory.resolve("out"))
            .withListener(progress -> {
              throw new IllegalStateException("enough");
            });
    assertEquals(
        ErrorCode.CANCELLED,
        assertThrows(LarderException.class, () -> client.download(request)).code());
  }

  @Test
  void anInterruptCancels() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread thread =
        new Thread(() -> {
          try {
            client.download(
                DownloadRequest.of("data", "", directory.resolve("out"))
                    .withListener(progress -> {
                      begun.countDown();
                      awaitInterrupt();
                    }));
          } catch (LarderException e) {
            thrown.set(e);
          }
        });
    thread.start();
    begun.await();
    thread.interrupt();
    thread.join(20_000);
    assertFalse(thread.isAlive());
    assertEquals(ErrorCode.CANCELLED, ((LarderException) thrown.get()).code());
  }

  @Test
  void manyThreadsAskTheAgentInTurn() throws Exception {
    byte[] wanted = agent.files.get("models/large.bin");
    int piece = 4096;
    agent.answerNanos = 5_000_000;
    try (LarderClient narrow =
            LarderClient.builder().agentFile(agent.agentFile()).requestsMax(3).build();
        RemoteFile file = narrow.open("data", "models/large.bin");
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<byte[]>> pieces = new ArrayList<>();
      for (int at = 0; at < 300 * piece; at += piece) {
        int offset = at;
        pieces.add(
            threads.submit(() -> {
              ByteBuffer target = ByteBuffer.allocate(piece);
              while (target.hasRemaining()) {
                file.read(target, offset + target.position());
              }
              return target.array();
            }));
      }
      for (int i = 0; i < pieces.size(); i++) {
        assertArrayEquals(
            Arrays.copyOfRange(wanted, i * piece, (i + 1) * piece), pieces.get(i).get());
      }
    }
    // The server may count an answer a little longer than its reader.
    assertTrue(agent.atWorkMax.get() < 10, "at once: " + agent.atWorkMax);
  }

  @Test
  void boundsBelowOneAreNamed() {
    LarderException e =
        assertThrows(LarderException.class, () -> LarderClient.builder().requestsMax(0).build());
    assertEquals(ErrorCode.BAD_CONFIG, e.code());
    assertTrue(e.getMessage().contains("requestsMax"), e.getMessage());
  }

  @Test
  void faultsKeepTheirCodes() {
    assertCode(ErrorCode.NO_SUCH_PATH, () -> client.open("data", "none"));
    assertCode(ErrorCode.UNKNOWN_DATASET, () -> client.stat("other", ""));
    assertCode(ErrorCode.WRONG_TYPE, () -> client.open("data", "models"));
    agent.problem = "COORDINATOR_UNAVAILABLE";
    assertCode(ErrorCode.COORDINATOR_UNAVAILABLE, () -> client.control().datasets());
  }

  @Test
  void aMissingAgentSaysWhereItWasLookedFor() {
    LarderException e =
        assertThrows(
            LarderException.class,
            () -> LarderClient.builder().agentFile(directory.resolve("nowhere.json")).build());
    assertEquals(ErrorCode.AGENT_UNAVAILABLE, e.code());
    assertTrue(e.getMessage().contains("nowhere.json"), e.getMessage());
    agent.close();
    assertCode(ErrorCode.AGENT_UNAVAILABLE, () -> client.stat("data", ""));
  }

  @Test
  void aWrongTokenIsRefusedAndNeverPrinted() throws Exception {
    Files.writeString(agent.agentFile().resolveSibling("token"), "wrong-token-with-some-length");
    try (LarderClient stranger = LarderClient.builder().agentFile(agent.agentFile()).build()) {
      LarderException e = assertThrows(LarderException.class, () -> stranger.stat("data", ""));
      assertEquals(ErrorCode.UNAUTHENTICATED, e.code());
      assertFalse(e.toString().contains("wrong-token"), e.toString());
    }
  }

  @Test
  void closedClientsAndFilesSaySo() throws Exception {
    RemoteFile file = client.open("data", "models/small.txt");
    file.close();
    assertCode(ErrorCode.CLOSED, () -> file.read(ByteBuffer.allocate(1), 0));
    client.close();
    client.close();
    assertCode(ErrorCode.CLOSED, () -> client.stat("data", ""));
  }

  private static void awaitInterrupt() {
    try {
      new CountDownLatch(1).await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void assertCode(ErrorCode code, Runnable call) {
    assertEquals(code, assertThrows(LarderException.class, call::run).code());
  }

  private void assertNoPartFiles(Path target) throws Exception {
    try (Stream<Path> tree = Files.walk(target)) {
      assertEquals(
          List.of(), tree.filter(p -> p.toString().endsWith(".part")).toList(), "left behind");
    }
  }

  private void seal(String path) throws Exception {
    BlobKey key = BlobKey.parse(agent.key(path));
    Path file = agent.blobs().resolve(key.diskName());
    Files.createDirectories(file.getParent());
    Files.write(file, agent.files.get(path));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r--r--r--"));
  }
}
