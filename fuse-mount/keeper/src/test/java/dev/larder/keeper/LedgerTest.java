package dev.larder.keeper;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.keeper.Ledger.View;
import dev.larder.testkit.Seeds;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LedgerTest {
  private static final String ID = "0123456789abcdef0123456789abcdef";
  @TempDir Path temp;

  private static Ledger ledger() {
    Ledger ledger = new Ledger();
    ledger.putView(new View(ID, "larder:set@1", true, "/data/blobs", "1:2"));
    ledger.putView(new View("f".repeat(32), "larder:\"\\\n\ud83d\ude00\u0001@2", false, "", ""));
    ledger.putTarget("/a, b\\ \"c\"\n\u00e4", ID);
    ledger.putTarget("/other", ID);
    return ledger;
  }

  @Test
  void comesBackAsItWas() throws Exception {
    Ledger ledger = ledger();
    Ledger read = Ledger.parse(ledger.print());
    assertEquals(ledger.views(), read.views());
    assertEquals(ledger.targets(), read.targets());
    assertEquals(2, read.targets(ID).size());
    assertEquals(List.of(), Ledger.parse(new Ledger().print()).views());
    assertTrue(Ledger.parse(new Ledger().print()).isEmpty());
    assertFalse(read.isEmpty());
  }

  @Test
  void theTextStaysAsItIs() {
    Ledger ledger = new Ledger();
    ledger.putView(new View(ID, "larder:set@1", true, "/data/blobs", "1:2"));
    ledger.putTarget("/t", ID);
    assertEquals(
        """
        {"format": 1, "views": [
            {"id": "%s", "label": "larder:set@1", "noExec": true, "blobs": "/data/blobs", \
        "blobsId": "1:2"}], "targets": [
            {"target": "/t", "id": "%s"}]}
        """
            .formatted(ID, ID),
        ledger.print());
  }

  @Test
  void aPartOfAViewMakesItAnotherFormat() throws Exception {
    Ledger ledger = new Ledger();
    ledger.putView(new View(ID, "larder:set@1", true, "/data/blobs", "1:2"));
    ledger.putTarget("/t", ID, "a/b");
    String text = ledger.print();
    assertTrue(text.contains("\"format\": 2"), text);
    Ledger read = Ledger.parse(text);
    assertEquals("a/b", read.part("/t"));
    assertEquals(text, read.print());
    read.removeTarget("/t");
    assertTrue(read.print().contains("\"format\": 1"), "nothing a former keeper cannot read");
  }

  @Test
  void whatIsNoLedgerIsRefused() {
    for (String bad :
        List.of(
            "",
            "{}",
            "[]",
            "{\"format\": 3, \"views\": [], \"targets\": []}",
            "{\"format\": 1, \"views\": {}, \"targets\": []}",
            "{\"format\": 1, \"views\": [1], \"targets\": []}",
            "{\"format\": 1, \"views\": [], \"targets\": [{\"target\": \"/t\", \"id\": \"../x\"}]}",
            "{\"format\": 1, \"views\": [], \"targets\": []} x",
            "{\"format\": 1, \"views\": [], \"targets\": [],}",
            "{\"format\": 1, \"format\": 1, \"views\": [], \"targets\": []}",
            "[".repeat(100_000))) {
      assertThrows(Json.JsonException.class, () -> Ledger.parse(bad), bad);
    }
  }

  @Test
  void noTextMakesTheParserFail() {
    String good = ledger().print();
    Seeds.run(random -> {
      for (int i = 0; i < 20_000; i++) {
        StringBuilder text = new StringBuilder(good);
        for (int j = random.nextInt(3); j >= 0; j--) {
          int at = random.nextInt(text.length());
          switch (random.nextInt(3)) {
            case 0 -> text.setCharAt(at, (char) random.nextInt(128));
            case 1 -> text.deleteCharAt(at);
            default -> text.insert(at, "{}[]\",:\\u0 1tf".charAt(random.nextInt(14)));
          }
        }
        try {
          Ledger read = Ledger.parse(text.toString());
          assertEquals(read.targets(), Ledger.parse(read.print()).targets());
        } catch (Json.JsonException e) {
          assertTrue(e.getMessage().length() > 3);
        }
      }
    });
  }

  @Test
  void jsonOfOthersIsRead() throws Exception {
    assertEquals(
        Map.of("a\u00e4/\n", List.of(-12L, true, false, Map.of(), List.of())),
        Json.parse(" {\"a\\u00e4\\/\\n\" :\n[ -12 , true,false, { } , [ ] ] }\t"));
  }

  @Test
  void aFileIsReplacedAndABadOneSetAside() throws Exception {
    Path path = temp.resolve("keeper.json");
    LedgerFile file = new LedgerFile(path);
    assertTrue(file.load().isEmpty());
    file.save(ledger());
    file.save(ledger());
    assertEquals(ledger().targets(), file.load().targets());
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
    Files.write(path, new byte[] {'{', (byte) 0xff});
    assertTrue(file.load().isEmpty());
    assertFalse(Files.exists(path));
    assertTrue(Files.exists(temp.resolve("keeper.json.unread")));
    file.save(new Ledger());
    file.delete();
    try (var left = Files.list(temp)) {
      assertEquals(List.of("keeper.json.unread"), left.map(p -> p.getFileName() + "").toList());
    }
  }
}
