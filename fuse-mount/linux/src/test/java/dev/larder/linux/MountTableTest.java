package dev.larder.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.testkit.Seeds;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class MountTableTest {
  private static MountTable parse(String text) {
    return MountTable.parse(text.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void parsesEveryField() {
    MountTable table =
        parse(
            "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:4 - ext3 /dev/root"
                + " rw,errors=continue\n");
    assertEquals(
        List.of(
            new MountEntry(
                36,
                35,
                "98:0",
                "/mnt1",
                "/mnt2",
                List.of("rw", "noatime"),
                List.of("master:1", "shared:4"),
                "ext3",
                "/dev/root",
                List.of("rw", "errors=continue"))),
        table.entries());
  }

  @Test
  void undoesEscapes() {
    MountTable table =
        parse(
            "36 35 0:5 / /a\\040b\\011c\\012d\\134e\\043f,\u00e4:- rw - fuse.x larder:s@1 rw\n"
                + "37 35 0:6 / /empty\\134040 rw -  - rw\n");
    MountEntry entry = table.entries().getFirst();
    assertEquals("/a b\tc\nd\\e#f,\u00e4:-", entry.mountPoint());
    assertEquals(List.of(), entry.optional());
    assertEquals("larder:s@1", entry.source());
    assertEquals("/empty\\040", table.entries().get(1).mountPoint());
    assertEquals("a\\04", MountTable.unescape("a\\04"));
    assertEquals("a\\999\\777", MountTable.unescape("a\\999\\777"));
  }

  @Test
  void aSourceMayBeEmpty() {
    // The kernel leaves two spaces there.
    MountEntry entry = parse("36 35 0:5 / /a rw - tmpfs  rw\n").entries().getFirst();
    assertEquals("", entry.source());
    assertEquals(List.of("rw"), entry.superOptions());
  }

  @Test
  void whatIsNotUnderstoodIsLeftOut() {
    MountTable table =
        parse("\nnonsense\n1 2 3\nx 35 0:5 / /a rw - t s rw\n36 35 0:5 / /b rw - t s rw\n36 35");
    assertEquals(1, table.entries().size());
    assertNotNull(table.top(Path.of("/b")));
    assertNull(table.top(Path.of("/a")));
  }

  @Test
  void placesAreComparedByWholeNames() {
    MountTable table =
        parse(
            "1 0 0:1 / / rw - t s rw\n2 1 0:2 / /ab rw - t s rw\n"
                + "3 2 0:3 / /ab/c rw - t s rw\n4 1 0:4 / /abc rw - t s rw\n");
    assertEquals(2, table.below(Path.of("/ab")).size());
    assertEquals(4, table.below(Path.of("/")).size());
    assertEquals(1, table.at(Path.of("/ab")).size());
  }

  @Test
  void noTextMakesItFail() {
    Seeds.run(random -> {
      String alphabet = "0123456789 :/-\\\n,ab\u00ff";
      for (int i = 0; i < 20_000; i++) {
        byte[] text = new byte[random.nextInt(120)];
        for (int j = 0; j < text.length; j++) {
          text[j] =
              random.nextInt(20) == 0
                  ? (byte) random.nextInt()
                  : (byte) alphabet.charAt(random.nextInt(alphabet.length()));
        }
        MountTable table = MountTable.parse(text);
        for (MountEntry entry : table.entries()) {
          assertTrue(table.at(Path.of("/")).size() <= table.entries().size());
          if (entry.mountPoint().indexOf(0) < 0) {
            assertNotNull(table.top(Path.of(entry.mountPoint())));
          }
        }
      }
    });
  }

  @Test
  void aLineChangedAnywhereIsReadOrLeftOut() throws Exception {
    byte[] real = Files.readAllBytes(Path.of("/proc/self/mountinfo"));
    int entries = MountTable.parse(real).entries().size();
    Seeds.run(random -> {
      for (int i = 0; i < 2000; i++) {
        byte[] text = real.clone();
        int at = random.nextInt(text.length);
        text[at] = (byte) random.nextInt();
        // One byte spoils its line, cuts it in two, or joins it with the next.
        int seen = MountTable.parse(text).entries().size();
        assertTrue(Math.abs(seen - entries) <= 2, "at " + at + " of a changed table");
      }
    });
  }

  @Test
  void readsThisMachinesMounts() throws Exception {
    MountTable table = MountTable.read();
    assertNotNull(table.top(Path.of("/")));
    MountEntry proc = table.top(Path.of("/proc"));
    assertNotNull(proc);
    assertEquals("proc", proc.type());
    long lines =
        Files.readString(Path.of("/proc/self/mountinfo"), StandardCharsets.ISO_8859_1)
            .lines()
            .count();
    assertEquals(lines, table.entries().size());
  }

  @Test
  void aPlaceIsFoundTheSameByScanAndByIndex() {
    String lines =
        "20 1 0:1 / /run/a rw - tmpfs larder:one rw\n"
            + "21 1 0:2 / /run/ab rw - tmpfs larder:two rw\n"
            + "22 1 0:3 / /run/a\\040b rw - tmpfs larder:three rw\n"
            + "23 20 0:4 / /run/a rw - tmpfs larder:four rw\n"
            + "24 1 0:5\n"
            + "25 1 0:6 / /run/\u00e4 rw - tmpfs larder:five rw";
    MountTable table = parse(lines);
    MountTable indexed = parse(lines);
    for (int i = 0; i < 100; i++) {
      assertNull(indexed.top(Path.of("/nothing")));
    }
    for (String place :
        List.of("/run/a", "/run/ab", "/run/a b", "/run/\u00e4", "/run", "/run/a/")) {
      Path path = Path.of(place);
      assertEquals(indexed.at(path), table.at(path), place);
    }
    assertEquals(2, parse(lines).at(Path.of("/run/a")).size());
    MountEntry four = parse(lines).top(Path.of("/run/a"));
    assertNotNull(four);
    assertEquals("larder:four", four.source());
    assertEquals(1, parse(lines).at(Path.of("/run/a b")).size());
    assertEquals(1, parse(lines).at(Path.of("/run/\u00e4")).size());
  }
}
