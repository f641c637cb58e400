package dev.larder.coordinator.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.logic.Position;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A snapshot counts only with a manifest that is whole and true. */
class SnapshotManifestTest {
  private static final Position POSITION = new Position(3, 77);

  @TempDir Path root;
  private Path snapshot;

  @BeforeEach
  void makeSnapshot() throws IOException {
    snapshot = Files.createDirectories(root.resolve("snapshot.3_77"));
    Files.writeString(snapshot.resolve("000001.sst"), "table");
    Files.writeString(snapshot.resolve("CURRENT"), "MANIFEST-1\n");
    SnapshotManifest manifest = SnapshotManifest.of(snapshot, POSITION);
    Files.writeString(snapshot.resolve(SnapshotManifest.NAME), manifest.text());
  }

  @Test
  void readsBackWhatItWrote() throws IOException {
    SnapshotManifest manifest = SnapshotManifest.read(snapshot);
    assertEquals(SnapshotManifest.of(snapshot, POSITION), manifest);
    manifest.verify(snapshot);
    assertEquals(
        "larder-coordinator-snapshot 1", manifest.text().lines().findFirst().orElseThrow());
  }

  @Test
  void aTableOfTheSnapshotBeforeIsNotReadAgainAndItsDamageIsStillFound() throws IOException {
    Path next = Files.createDirectories(root.resolve("next"));
    Files.createLink(next.resolve("000001.sst"), snapshot.resolve("000001.sst"));
    Files.writeString(next.resolve("CURRENT"), "MANIFEST-2\n");
    SnapshotManifest before = SnapshotManifest.read(snapshot);
    // Both names are of one file, which rots.
    Files.writeString(next.resolve("000001.sst"), "tabxe");
    SnapshotManifest after = of(next, before);
    assertEquals(before.files().getFirst(), after.files().getFirst(), "taken over");
    assertFalse(before.files().contains(after.files().getLast()), "what is not a table is read");
    LarderException refused = assertThrows(LarderException.class, () -> after.verify(next));
    assertEquals(ErrorCode.STORE_CORRUPT, refused.code());
    // Another file of the same name and size is read.
    Files.delete(next.resolve("000001.sst"));
    Files.writeString(next.resolve("000001.sst"), "other");
    of(next, before).verify(next);
  }

  private SnapshotManifest of(Path directory, SnapshotManifest before) throws IOException {
    return SnapshotManifest.of(
        directory, POSITION, Optional.of(new SnapshotDirectory.Found(snapshot, before)));
  }

  @Test
  void refusesEveryCutAndEveryFlippedByteOfTheManifest() {
    String text = new SnapshotManifestText(snapshot).text();
    for (int length = 0; length < text.length(); length++) {
      String cut = text.substring(0, length);
      assertThrows(IllegalArgumentException.class, () -> SnapshotManifest.parse(cut));
    }
    for (int i = 0; i < text.length(); i++) {
      char[] flipped = text.toCharArray();
      flipped[i] ^= 1;
      assertThrows(
          IllegalArgumentException.class, () -> SnapshotManifest.parse(new String(flipped)));
    }
  }

  @Test
  void refusesMissingLongerAndChangedFiles() throws IOException {
    Path table = snapshot.resolve("000001.sst");
    Files.writeString(table, "taBle");
    SnapshotManifest manifest = SnapshotManifest.read(snapshot);
    assertCorrupt(() -> manifest.verify(snapshot));
    Files.writeString(table, "table and more");
    assertCorrupt(() -> SnapshotManifest.read(snapshot));
    Files.delete(table);
    assertCorrupt(() -> SnapshotManifest.read(snapshot));
  }

  @Test
  void setsTornSnapshotsAsideAndTakesTheOneBefore() throws IOException {
    Path torn = Files.createDirectories(root.resolve("snapshot.3_99"));
    Files.writeString(torn.resolve("000002.sst"), "half a ta");
    Files.createDirectories(root.resolve("tmp-snapshot.4_120"));
    SnapshotDirectory directory = new SnapshotDirectory();
    directory.init(root);
    assertEquals(77, directory.getLatestSnapshot().getIndex());
    assertFalse(Files.exists(torn));
    assertTrue(Files.exists(root.resolve("invalid-snapshot.3_99").resolve("000002.sst")));
    assertFalse(Files.exists(root.resolve("tmp-snapshot.4_120")));
  }

  private static void assertCorrupt(Action action) {
    assertEquals(ErrorCode.STORE_CORRUPT, assertThrows(LarderException.class, action::run).code());
  }

  private interface Action {
    void run() throws IOException;
  }

  private record SnapshotManifestText(Path snapshot) {
    String text() {
      return SnapshotManifest.read(snapshot).text();
    }
  }
}
