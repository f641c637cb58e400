package dev.larder.agent.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecordFolderTest {
  @TempDir Path directory;

  private RecordFolder folder() {
    return new RecordFolder(directory.resolve("records"), "record");
  }

  private List<String> colours() {
    return folder().load(root -> RecordFolder.need(root, "colour").asText()).stream()
        .sorted()
        .toList();
  }

  private void put(String name, String colour) {
    RecordFolder folder = folder();
    folder.put(name, folder.record().put("colour", colour));
  }

  @Test
  void keepsReplacesAndDeletes() {
    assertEquals(List.of(), colours());
    put("a", "red");
    put("b", "green");
    put("a", "blue");
    assertEquals(List.of("blue", "green"), colours());
    folder().delete("a");
    folder().delete("a");
    assertEquals(List.of("green"), colours());
  }

  @Test
  void clearsAwayWhatAProcessThatDiedInAWriteLeft() throws Exception {
    assertEquals(List.of(), colours());
    put("a", "red");
    Path unfinished = directory.resolve("records/b.json.tmp");
    Path foreign = directory.resolve("records/notes.tmp");
    Files.writeString(unfinished, "{\"format\":1,\"col");
    Files.writeString(foreign, "not ours");
    assertEquals(List.of("red"), colours());
    assertFalse(Files.exists(unfinished));
    assertTrue(Files.exists(foreign));
  }

  @Test
  void setsAsideWhatItCannotRead() throws Exception {
    assertEquals(List.of(), colours());
    put("a", "red");
    for (String bad :
        List.of("", "{", "{\"format\":2,\"colour\":\"x\"}", "{\"format\":1}", "[1]", "null")) {
      Path file = directory.resolve("records/bad.json");
      Files.writeString(file, bad);
      assertEquals(List.of("red"), colours(), bad);
      assertFalse(Files.exists(file), bad);
      assertEquals(bad, Files.readString(directory.resolve("records/bad.json.bad")));
    }
  }
}
