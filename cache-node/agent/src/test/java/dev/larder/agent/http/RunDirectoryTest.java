package dev.larder.agent.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.agent.http.RunDirectory.AgentInfo;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The run directory: where it is, who may look, what is refused. */
class RunDirectoryTest {
  @TempDir Path temp;

  private static String mode(Path path) throws Exception {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  private static void refused(Runnable action, String named) {
    LarderException e = assertThrows(LarderException.class, action::run);
    assertEquals(ErrorCode.BAD_CONFIG, e.code());
    assertTrue(e.getMessage().contains(named), e.getMessage());
  }

  @Test
  void isChosenByUserThenVariableThenData() {
    Path data = Path.of("/data");
    assertEquals(Path.of("/run/larder"), RunDirectory.choose("root", "/run/user/0", data));
    assertEquals(Path.of("/run/user/5/larder"), RunDirectory.choose("me", "/run/user/5", data));
    assertEquals(Path.of("/data/run"), RunDirectory.choose("me", "", data));
  }

  @Test
  void keepsItsTokenAndOnlyTheOwnerMayReadIt() throws Exception {
    RunDirectory run = RunDirectory.open(temp.resolve("a/run"));
    String token = run.token();
    assertEquals(43, token.length());
    assertEquals("rwx------", mode(run.path()));
    assertEquals("rw-------", mode(run.tokenFile()));
    assertEquals(token + "\n", Files.readString(run.tokenFile()));
    assertEquals(token, RunDirectory.open(run.path()).token());
    assertNotEquals(token, RunDirectory.open(temp.resolve("b")).token());
    try (var files = Files.list(run.path())) {
      assertEquals(1, files.count(), "drafts left behind");
    }
  }

  @Test
  void looseModesAreRefused() throws Exception {
    RunDirectory run = RunDirectory.open(temp.resolve("run"));
    run.token();
    for (String loose : new String[] {"rw-r-----", "rw----r--", "rw-----w-"}) {
      Files.setPosixFilePermissions(run.tokenFile(), PosixFilePermissions.fromString(loose));
      refused(run::token, "chmod");
    }
    Files.setPosixFilePermissions(run.path(), PosixFilePermissions.fromString("rwxr-x---"));
    refused(() -> RunDirectory.open(run.path()), "chmod");
  }

  @Test
  void linksAndOddTokensAreRefused() throws Exception {
    RunDirectory run = RunDirectory.open(temp.resolve("run"));
    Path other = Files.writeString(temp.resolve("other"), "0123456789abcdef0123");
    Files.createSymbolicLink(run.tokenFile(), other);
    refused(run::token, "neither file");
    Files.delete(run.tokenFile());
    run.token();
    for (String odd : new String[] {"", "short\n", "0123456789 abcdef0123", "x".repeat(600)}) {
      Files.writeString(run.tokenFile(), odd);
      refused(run::token, "token file");
    }
    Path link = Files.createSymbolicLink(temp.resolve("link"), run.path());
    refused(() -> RunDirectory.open(link), "is not a directory");
    refused(() -> RunDirectory.open(other), "is not a directory");
  }

  @Test
  void aForeignOwnerIsRefused() throws Exception {
    RunDirectory run = RunDirectory.open(temp.resolve("run"));
    run.token();
    Assumptions.assumeTrue(
        Files.getOwner(run.path()).getName().equals("root"), "giving files away needs root");
    Files.setAttribute(run.tokenFile(), "unix:uid", 65534);
    refused(run::token, "belongs to");
    Files.setAttribute(run.path(), "unix:uid", 65534);
    refused(() -> RunDirectory.open(run.path()), "belongs to");
  }

  @Test
  void agentFileIsWholeAndGoesAway() throws Exception {
    RunDirectory run = RunDirectory.open(temp.resolve("run"));
    AgentInfo info =
        new AgentInfo(
            "127.0.0.1:7450",
            4711,
            temp.resolve("blobs"),
            run.tokenFile(),
            Instant.parse("2026-01-02T03:04:05Z"));
    Path file = run.writeAgentFile(info);
    assertEquals("rw-------", mode(file));
    JsonNode json = Json.mapper().readTree(Files.readString(file));
    assertEquals(1, json.get("version").intValue());
    assertEquals("127.0.0.1:7450", json.get("address").textValue());
    assertEquals(4711, json.get("pid").intValue());
    assertEquals("2026-01-02T03:04:05Z", json.get("startedAt").textValue());
    assertEquals(run.tokenFile().toString(), json.get("tokenFile").textValue());
    run.removeAgentFile();
    assertFalse(Files.exists(file));
    run.removeAgentFile();
  }
}
