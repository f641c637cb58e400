package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.cli.Cli;
import dev.larder.client.DownloadRequest;
import dev.larder.keeper.KeeperUnmount;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** The command line against a whole node: what a user sees, with good and with bad input. */
@TestInstance(Lifecycle.PER_CLASS)
class CliTest {
  private static final byte[] LARGE = new byte[3_000_000];

  @TempDir static Path directory;
  private AgentProcess node;
  private String lastOut = "";
  private String lastErr = "";

  @BeforeAll
  void start() throws Exception {
    for (int i = 0; i < LARGE.length; i++) {
      LARGE[i] = (byte) (i * 31 + (i >> 11));
    }
    Path source = directory.resolve("source");
    Files.createDirectories(source.resolve("sub"));
    Files.writeString(source.resolve("hello.txt"), "hello\n");
    Files.write(source.resolve("sub/large.bin"), LARGE);
    node = TestNode.start(directory);
    assertEquals(0, run("dataset", "create", "docs", source.toString()), lastErr);
    assertTrue(lastOut.contains("docs@1: 2 files"), lastOut);
  }

  @AfterAll
  void stop() {
    node.close();
  }

  @Test
  void listsAndStats() throws Exception {
    assertEquals(0, run("ls", "docs"));
    assertTrue(lastOut.contains("hello.txt") && lastOut.contains("sub/"), lastOut);
    assertEquals(0, run("ls", "docs", "**/*.b?n", "-o", "quiet"), lastErr);
    assertEquals(List.of("sub/large.bin"), lastOut.lines().toList());
    assertEquals(0, run("cat", "docs", "hel*.txt"), lastErr);
    assertEquals(0, run("ls", "docs", "-r", "-o", "quiet"));
    assertEquals(List.of("hello.txt", "sub/large.bin"), lastOut.lines().toList());
    assertEquals(0, run("stat", "docs", "sub/large.bin", "-o", "json"));
    JsonNode stat = new ObjectMapper().readTree(lastOut);
    assertEquals(LARGE.length, stat.path("size").asLong());
    assertTrue(stat.path("key").asText().startsWith("origin:"), lastOut);
    assertEquals(0, run("dataset", "list"));
    assertTrue(lastOut.startsWith("NAME") && lastOut.contains("docs"), lastOut);
    assertEquals(0, run("dataset", "show", "docs", "-o", "json"));
    assertEquals(1, new ObjectMapper().readTree(lastOut).path("snapshots").size());
  }

  @Test
  void downloadsAndKeepsWhatIsThere() throws Exception {
    Path target = directory.resolve("got");
    assertEquals(0, run("get", "docs", "sub", target.toString()), lastErr);
    assertArrayEquals(LARGE, Files.readAllBytes(target.resolve("sub/large.bin")));
    assertTrue(lastErr.contains("of which") && lastErr.contains("0 files were there"), lastErr);
    assertEquals(0, run("get", "docs", "sub", target.toString()), lastErr);
    assertTrue(lastErr.contains("of which 0 B came now (1 files were there"), lastErr);
    assertEquals(3, run("get", "docs", "nothing", target.resolve("new").toString()));
    assertEquals(3, run("get", "docs", "no*thing", target.resolve("new").toString()));
    assertTrue(Files.notExists(target.resolve("new")), "what is refused leaves nothing behind");
    Files.writeString(target.resolve("sub/large.bin"), "mine");
    assertEquals(1, run("get", "docs", "sub", target.toString()));
    assertTrue(lastErr.contains("ALREADY_EXISTS") && lastErr.contains("large.bin"), lastErr);
    assertEquals(0, run("get", "docs", "sub", target.toString(), "--overwrite", "-o", "quiet"));
    assertEquals(target.resolve("sub/large.bin").toString(), lastOut.strip());
    assertArrayEquals(LARGE, Files.readAllBytes(target.resolve("sub/large.bin")));
  }

  @Test
  void targetsMayBeRelativeWithLinksInside() throws Exception {
    Path source = Files.createDirectories(directory.resolve("linked/d"));
    Files.writeString(source.resolve("real"), "real");
    Files.createSymbolicLink(source.resolve("link"), Path.of("real"));
    String uri = directory.resolve("linked").toString();
    assertEquals(0, run("dataset", "create", "linked", uri), lastErr);
    Path here = Path.of("").toAbsolutePath();
    for (String name : List.of("rel", "./rel2", "rel3/../rel4")) {
      Path target = here.relativize(directory.toAbsolutePath()).resolve(name);
      for (String count : List.of("0", "2")) {
        assertEquals(0, run("get", "linked", "", target.toString()), lastErr);
        assertTrue(lastErr.contains("(" + count + " files were there"), lastErr);
      }
      assertEquals("real", Files.readString(target.normalize().resolve("d/link")));
    }
    assertEquals(1, run("get", "linked", "", "/etc/passwd"), lastErr);
    assertTrue(lastErr.contains("/etc/passwd is a file"), lastErr);
    assertTrue(DownloadRequest.of("linked", "", Path.of(".")).target().isAbsolute());
  }

  @Test
  void warmsOverNodesAndKeepsForATime() throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    WarmCluster.await(
        "it is a member", () -> run("nodes", "-o", "quiet") == 0 && !lastOut.isBlank());
    assertEquals(
        0, run("warm", "docs", "--nodes", "all", "--ttl", "2h", "--wait", "-o", "json"), lastErr);
    JsonNode ready = mapper.readTree(lastOut);
    String id = ready.path("id").asText();
    assertEquals("ready", ready.path("state").asText());
    assertTrue(ready.path("pinned").asBoolean() && ready.path("expiresAt").isTextual(), lastOut);
    JsonNode at = ready.path("nodes").get(0);
    assertEquals(LARGE.length + 6, at.path("bytes").asLong());
    assertEquals(LARGE.length + 6, at.path("bytesWanted").asLong());
    assertEquals(0, run("warmups"), lastErr);
    assertTrue(lastOut.contains(id) && lastOut.contains("1/1"), lastOut);
    assertEquals(0, run("warmups", id), lastErr);
    assertTrue(lastOut.contains("2/2"), lastOut);
    assertEquals(0, run("pins"), lastErr);
    assertTrue(lastOut.contains(id), lastOut);
    assertEquals(0, run("warmup", "cancel", id), lastErr);
    WarmCluster.await("it let go", () -> run("pins") == 0 && !lastOut.contains(id));
    assertEquals(0, run("warmups", "-o", "json"), lastErr);
    assertEquals(
        "cancelled", mapper.readTree(lastOut).path("warmUps").get(0).path("state").asText());
    assertEquals(0, run("pin", "docs", "hello.txt", "--ttl", "30m", "-o", "json"), lastErr);
    JsonNode pin = mapper.readTree(lastOut);
    assertTrue(pin.path("expiresAt").isTextual() && pin.path("owner").isTextual(), lastOut);
    assertEquals(0, run("unpin", "docs", "hello.txt"), lastErr);
    assertEquals(3, run("warm", "docs", "no*thing", "--nodes", "all", "--wait"), lastErr);
    assertTrue(lastErr.contains("no*thing"), lastErr);
    assertEquals(3, run("warm", "docs", "--nodes", "nobody", "--wait"), lastErr);
    assertTrue(lastErr.contains("nobody"), lastErr);
    assertEquals(3, run("warmup", "cancel", "wu-999"), lastErr);
    assertEquals(2, run("warm", "docs", "--nodes", "1,2"), lastErr);
    assertEquals(2, run("pin", "docs", "--ttl", "never"), lastErr);
  }

  @Test
  void pinsOfAMemberAreItsOwn() throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    assertEquals(0, run("pin", "docs", "hello.txt", "-o", "json"), lastErr);
    String owner = mapper.readTree(lastOut).path("owner").asText();
    assertEquals(0, run("pin", "docs", "sub"), lastErr);
    assertEquals(2, run("unpin"));
    assertTrue(lastErr.contains("--owner"), lastErr);
    assertEquals(2, run("unpin", "--owner", "wu-1"));
    assertTrue(lastErr.contains("larder warmup cancel wu-1"), lastErr);
    assertEquals(3, run("unpin", "--owner", "nobody"), lastErr);
    // A member would tell of them again.
    assertEquals(2, run("unpin", "--owner", owner), lastErr);
    assertTrue(lastErr.contains("on that node"), lastErr);
    assertEquals(0, run("unpin", "docs", "hello.txt"), lastErr);
    assertEquals(0, run("unpin", "docs", "sub"), lastErr);
    assertEquals(0, run("pins", "-o", "quiet"), lastErr);
    assertEquals("", lastOut);
  }

  @Test
  void saysWhatNewUsersAsk() {
    assertEquals(0, execute("help"), lastErr);
    assertTrue(lastOut.contains("warm") && lastOut.contains("COMMAND"), lastOut);
    assertEquals(0, execute("help", "warm"), lastErr);
    assertTrue(lastOut.contains("--nodes"), lastOut);
    assertEquals(0, run("coordinators", "list"), lastErr);
    assertTrue(lastOut.contains("embedded") && !lastOut.contains(":0 "), lastOut);
    assertEquals(0, run("status"), lastErr);
    assertTrue(lastOut.contains(" pinned, ") && lastOut.contains(" catalogs, "), lastOut);
    assertFalse(lastOut.contains(" 0 B catalogs"), lastOut);
  }

  @Test
  void warmsPinsAndReportsStatus() throws Exception {
    assertEquals(0, run("warm", "docs", "--path", "sub/**"), lastErr);
    assertTrue(lastErr.contains("done, 1 of 1 files"), lastErr);
    assertEquals(0, run("jobs", "-o", "json"));
    assertEquals("done", new ObjectMapper().readTree(lastOut).get(0).path("state").asText());
    assertEquals(0, run("pin", "docs", "--path", "*.txt"), lastErr);
    assertEquals("pinned 1 files, 6 B", lastOut.strip());
    assertEquals(0, run("pins", "-o", "quiet"));
    assertEquals("docs *.txt", lastOut.strip());
    assertEquals(0, run("unpin", "docs", "*.txt"), lastErr);
    assertEquals(3, run("unpin", "docs", "--path", "*.txt"));
    assertEquals(0, run("pin", "docs", "sub"), lastErr);
    assertEquals(0, run("unpin", "docs", "--path", "sub"), lastErr);
    assertEquals(0, run("warm", "docs", "*.txt"), lastErr);
    assertTrue(lastErr.contains("done, 1 of 1 files"), lastErr);
    assertEquals(0, run("status", "-o", "json"));
    JsonNode status = new ObjectMapper().readTree(lastOut);
    assertTrue(status.path("ready").asBoolean(), lastOut);
    assertTrue(status.path("cache").path("usedBytes").asLong() >= LARGE.length, lastOut);
    assertTrue(status.path("origin").path("bytes").asLong() >= LARGE.length, lastOut);
    assertEquals(0, run("status"));
    assertTrue(lastOut.contains("READ FROM"), lastOut);
    assertEquals(0, run("doctor"), lastOut);
  }

  @Test
  void deletesOldSnapshots() throws Exception {
    Path source = Files.createDirectories(directory.resolve("changing"));
    for (int i = 1; i <= 5; i++) {
      Files.writeString(source.resolve("file"), "content " + i);
      String[] words =
          i == 1
              ? new String[] {"dataset", "create", "changing", source.toString()}
              : new String[] {"dataset", "refresh", "changing"};
      assertEquals(0, run(words), lastErr);
    }
    assertEquals(0, run("pin", "changing@2"), lastErr);
    assertEquals(0, run("dataset", "delete", "changing@1"), lastErr);
    assertEquals("deleted changing@1", lastOut.strip());
    assertEquals(3, run("dataset", "delete", "changing@1"), lastErr);
    assertEquals(2, run("dataset", "delete", "changing@2"));
    assertTrue(lastErr.contains("changing@2 is pinned or mounted"), lastErr);
    assertEquals(2, run("dataset", "delete", "changing@5"));
    assertTrue(lastErr.contains("changing@5 is the newest"), lastErr);
    assertEquals(2, run("dataset", "delete", "changing", "--keep-last", "0"));
    assertEquals(2, run("dataset", "delete", "changing@3", "--keep-last", "1"));
    assertTrue(lastErr.contains("--keep-last"), lastErr);
    assertEquals(0, run("dataset", "delete", "changing", "--keep-last", "2", "-o", "json"));
    assertEquals(
        "changing@3", new ObjectMapper().readTree(lastOut).path("deleted").get(0).asText());
    assertEquals(0, run("dataset", "show", "changing", "-o", "quiet"));
    assertEquals(List.of("changing@2", "changing@4", "changing@5"), lastOut.lines().toList());
    assertEquals(3, run("ls", "changing@3"));
    // The snapshot is there; the object it listed was overwritten since.
    assertEquals(5, run("cat", "changing@4", "file"), lastErr);
    assertEquals(0, run("unpin", "changing@2"), lastErr);
    assertEquals(0, run("dataset", "delete", "changing"), lastErr);
    assertEquals(3, run("dataset", "show", "changing"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "2|dataset create Bad_Name file:///tmp|Bad_Name",
        "2|dataset create x ftp://host/file|ftp://host/file",
        "2|dataset create x s3://|bucket",
        "2|dataset create x s3://bucket/p -O colour=red|colour",
        "2|dataset create x file:///tmp -O colour=red|colour",
        "5|dataset create x file:///no/such/directory|/no/such/directory",
        "1|dataset create docs file:///tmp|docs",
        "3|dataset show none|none",
        "3|dataset delete none|none",
        "3|dataset delete docs@7|7",
        "2|dataset delete docs@x|number",
        "2|dataset delete docs --keep-last x|keep-last",
        "3|ls none|none",
        "3|ls docs@7|7",
        "2|ls docs@x|number",
        "3|ls docs nothing|nothing",
        "2|ls docs ../etc|..",
        "3|stat docs nothing|nothing",
        "3|cat docs nothing|nothing",
        "2|cat docs sub|sub",
        "3|get docs nothing .|nothing",
        "3|get docs no*thing .|no*thing",
        "3|cat docs no*thing|no*thing",
        "3|ls docs no*thing|no*thing",
        "3|warm docs no*thing|no*thing",
        "2|pin docs a --path b|--path",
        "2|ls docs -r {a|{",
        "3|jobs --cancel w0|w0",
        "2|frobnicate|frobnicate",
        "2|ls|DATASET",
        "2|ls docs -o yaml|yaml",
      })
  void badInputIsNamed(int status, String line, String named) {
    List<String> words = new ArrayList<>(Arrays.asList(line.split(" ")));
    assertEquals(status, run(words.toArray(String[]::new)), lastErr);
    assertTrue(lastErr.contains(named), lastErr);
    assertFalse(lastErr.contains("\tat "), "a stack trace is no error message: " + lastErr);
  }

  @Test
  void aMissingAgentIsSaidPlainly() {
    assertEquals(4, execute("status", "--agent", directory.resolve("none.json").toString()));
    assertTrue(lastErr.contains("larder dev") && lastErr.contains("none.json"), lastErr);
  }

  private Path readyFile() {
    return directory.resolve("ready.json");
  }

  private int run(String... words) {
    List<String> all = new ArrayList<>(Arrays.asList(words));
    boolean isGroup =
        Set.of("dataset", "warmup", "coordinators").contains(words[0]) && words.length > 1;
    boolean takesAgent = !words[0].equals("frobnicate");
    if (takesAgent) {
      all.addAll(isGroup ? 2 : 1, List.of("--agent", readyFile().toString()));
    }
    return execute(all.toArray(String[]::new));
  }

  private int execute(String... words) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine line = Cli.commandLine("larder test", KeeperUnmount::run, List.of());
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    int status = line.execute(words);
    lastOut = out.toString();
    lastErr = err.toString();
    return status;
  }
}
