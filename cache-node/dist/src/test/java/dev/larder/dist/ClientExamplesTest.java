package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.client.LarderClient;
import dev.larder.examples.QuickDownload;
import dev.larder.testkit.Fault;
import dev.larder.testkit.FaultyHttpServer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;

/** The Java client's examples, each a JVM of its own with the client's one jar, on a whole node. */
@TestInstance(Lifecycle.PER_CLASS)
class ClientExamplesTest {
  private static final int LARGE_BYTES = (40 << 20) + 4321;
  private static final int SLOW_BYTES = 24 << 20;
  private static final Path README = Path.of("../../clients/java/README.md");
  private static final Path SOURCES =
      Path.of("../../clients/java/examples/src/main/java/dev/larder/examples");

  @TempDir static Path directory;
  private final byte[] large = bytes(1, LARGE_BYTES);
  private final byte[] slow = bytes(2, SLOW_BYTES);
  private FaultyHttpServer origin;
  private AgentProcess node;
  private ClientJvm jvm;

  @BeforeAll
  void start() throws Exception {
    Path source = directory.resolve("source");
    Files.createDirectories(source.resolve("logs/old"));
    Files.write(source.resolve("logs/a.log"), lines(3000));
    Files.write(source.resolve("logs/old/b.log"), lines(10));
    Files.write(source.resolve("large.bin"), large);
    Files.write(source.resolve("numbers.bin"), numbers(500_000));
    origin = FaultyHttpServer.start();
    node = TestNode.start(directory);
    jvm =
        new ClientJvm(
            ClientJvm.ownJava(),
            List.of(ClientJvm.clientJar(), examples()),
            directory.resolve("ready.json"));
    create("docs", source.toUri().toString());
  }

  @AfterAll
  void stop() throws Exception {
    node.close();
    origin.close();
  }

  @Test
  void quickDownload() throws Exception {
    Path target = directory.resolve("quick");
    String printed = run("QuickDownload", "docs", "logs/**", target.toString());
    assertTrue(
        printed.contains("2 files, %1$d bytes, %1$d of them".formatted(logBytes())), printed);
    assertTrue(printed.lines().count() > 1, "no progress: " + printed);
    assertArrayEquals(lines(10), Files.readAllBytes(target.resolve("logs/old/b.log")));
    assertTrue(
        run("QuickDownload", "docs", "logs/**", target.toString()).contains(", 0 of them"),
        "what is there is not transferred again");
  }

  @Test
  void aKilledDownloadGoesOnWhereItWas() throws Exception {
    createSlow("killed");
    Path target = directory.resolve("killed");
    Path output = directory.resolve("killed.out");
    String[] words = {main("QuickDownload"), "killed", "slow.bin", target.toString()};
    Process first = jvm.start(output, words);
    try {
      while (first.isAlive() && partBytes(target) < SLOW_BYTES / 4) {
        LockSupport.parkNanos(1_000_000);
      }
      assertTrue(first.isAlive(), () -> "ended before it could be killed: " + text(output));
    } finally {
      first.destroyForcibly().waitFor();
    }
    long transferred = transferred(jvm.run(words));
    assertTrue(transferred > 0 && transferred <= SLOW_BYTES * 3L / 4, "again: " + transferred);
    assertArrayEquals(slow, Files.readAllBytes(target.resolve("slow.bin")));
  }

  @Test
  void cancelAndResume() throws Exception {
    createSlow("cancelled");
    Path target = directory.resolve("cancelled");
    String printed = run("CancelAndResume", "cancelled", "slow.bin", target.toString());
    Matcher said =
        Pattern.compile("cancelled\n(\\d+) of " + SLOW_BYTES + " bytes were missing\n")
            .matcher(printed);
    assertTrue(said.matches(), printed);
    long missing = Long.parseLong(said.group(1));
    assertTrue(missing > 0 && missing < SLOW_BYTES * 3L / 4, printed);
    assertArrayEquals(slow, Files.readAllBytes(target.resolve("slow.bin")));
  }

  @Test
  void listAndStat() throws Exception {
    List<String> printed =
        run("ListAndStat", "docs", "logs", "logs/**", "numbers.bin").lines().toList();
    assertEquals(
        List.of("FILE a.log " + lines(3000).length, "DIRECTORY old 0"), printed.subList(0, 2));
    assertEquals(logBytes() + " bytes match logs/**", printed.get(2));
    assertTrue(printed.get(3).matches("docs@1 \\S+Z origin:[0-9a-f]{64}"), printed.get(3));
    assertTrue(
        run("ListAndStat", "docs", "logs", "none/**", "none").endsWith("there is no none\n"));
  }

  @Test
  void positionalReads() throws Exception {
    assertEquals(
        "number at 32776: 4097\nlast number: 499999\n",
        run("PositionalReads", "docs", "numbers.bin", Integer.toString(4097 * Long.BYTES)));
  }

  @Test
  void streaming() throws Exception {
    assertEquals("300 lines with 7 and\n", run("Streaming", "docs", "logs/a.log", "7 and"));
  }

  @Test
  void manyReaders() throws Exception {
    int piece = 32 << 10;
    List<Long> sums = new ArrayList<>();
    for (int at = 0; at < LARGE_BYTES; at += piece) {
      CRC32 sum = new CRC32();
      sum.update(large, at, Math.min(piece, LARGE_BYTES - at));
      sums.add(sum.getValue());
    }
    String wanted =
        sums.size() + " pieces, checksum " + Long.toHexString((long) sums.hashCode()) + "\n";
    String[] words = {"ManyReaders", "docs", "large.bin", Integer.toString(piece)};
    assertEquals(wanted, run(words), "through the agent");
    assertEquals(wanted, run(words), "from the sealed file");
  }

  @Test
  void theReadmeShowsCompiledCode() throws Exception {
    StringBuilder all = new StringBuilder();
    try (Stream<Path> files = Files.list(SOURCES)) {
      for (Path file : files.toList()) {
        all.append(withoutIndentation(Files.readString(file))).append('\n');
      }
    }
    Matcher blocks = Pattern.compile("(?s)```java\n(.*?)```").matcher(Files.readString(README));
    int found = 0;
    while (blocks.find()) {
      String shown = withoutIndentation(blocks.group(1));
      assertTrue(all.indexOf("\n" + shown + "\n") >= 0, () -> "no example has this: " + shown);
      found++;
    }
    assertTrue(found >= 6, "examples shown: " + found);
  }

  private String run(String... words) throws Exception {
    String[] all = words.clone();
    all[0] = main(words[0]);
    return jvm.run(all);
  }

  private static String main(String example) {
    return QuickDownload.class.getPackageName() + "." + example;
  }

  private static Path examples() throws Exception {
    return Path.of(QuickDownload.class.getProtectionDomain().getCodeSource().getLocation().toURI());
  }

  private void create(String name, String uri) {
    try (LarderClient client =
        LarderClient.builder().agentFile(directory.resolve("ready.json")).build()) {
      client.control().create(name, uri, Map.of(), (objects, bytes) -> {});
    }
  }

  /** An origin that takes seconds for the file, so that there is time to end a reader. */
  private void createSlow(String name) {
    origin.put(
        "/" + name + "/slow.bin",
        new FaultyHttpServer.Resource(slow, "\"" + name + "\"", Instant.EPOCH, Map.of()));
    create(name, origin.endpoint() + "/" + name + "/slow.bin");
    Fault pieces = new Fault.Slow(64 << 10, Duration.ofMillis(10));
    origin.spoil(
        "/" + name + "/slow.bin",
        IntStream.range(0, 100).mapToObj(i -> pieces).toArray(Fault[]::new));
  }

  private static long partBytes(Path target) throws IOException {
    if (!Files.isDirectory(target)) {
      return 0;
    }
    try (Stream<Path> files = Files.list(target)) {
      return files
          .filter(file -> file.toString().endsWith(".part"))
          .mapToLong(file -> file.toFile().length())
          .sum();
    }
  }

  private static long transferred(String printed) {
    Matcher said = Pattern.compile("bytes, (\\d+) of them transferred now\n$").matcher(printed);
    assertTrue(said.find(), printed);
    return Long.parseLong(said.group(1));
  }

  private static String withoutIndentation(String source) {
    return String.join("\n", source.lines().map(String::strip).toList());
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  private static byte[] bytes(int seed, int size) {
    byte[] content = new byte[size];
    new Random(seed).nextBytes(content);
    return content;
  }

  private static byte[] lines(int count) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < count; i++) {
      text.append("line ").append(i).append(" and more\n");
    }
    return text.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8);
  }

  private static int logBytes() {
    return lines(3000).length + lines(10).length;
  }

  private static byte[] numbers(int count) {
    ByteBuffer all = ByteBuffer.allocate(count * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      all.putLong(i);
    }
    return all.array();
  }
}
