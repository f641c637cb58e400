package dev.larder.coordinator.logic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.Samples;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.NewSnapshot;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The log's bytes: fixed for all times, and refused when they are not what this code wrote. */
class RecordCodecTest {
  private static final DatasetName NAME = new DatasetName("data");

  private static Map<String, Record> samples() {
    Instant time = Instant.ofEpochMilli(1_700_000_000_123L);
    Map<String, Record> records = new LinkedHashMap<>();
    records.put("join", new Record.Join(Samples.member("node-a", "zone-1")));
    records.put("leave", new Record.Leave("node-a"));
    records.put(
        "create",
        new Record.CreateDataset(
            NAME, "s3://bucket/prefix", Map.of("b", "2", "a", "1"), time, "r-1"));
    records.put("delete", new Record.DeleteDataset(NAME, "r-2"));
    records.put("add-snapshot", new Record.AddSnapshot(NAME, withoutOrigin(Samples.snapshot(5))));
    records.put(
        "record-roots",
        new Record.RecordRoots(
            List.of(Samples.root(1, 2, Trust.VERIFIED), Samples.root(2, 3, Trust.ATTESTED))));
    records.put(
        "holdings",
        new Record.Holdings("node-a", List.of(Samples.key(1)), List.of(Samples.key(2)), false));
    records.put(
        "holdings-complete",
        new Record.Holdings("node-a", List.of(Samples.key(1)), List.of(), true));
    records.put(
        "put-pin", new Record.PutPin("p-1", new NewPin(NAME, 3, "a/*", Optional.of(time)), time));
    records.put("remove-pin", new Record.RemovePin(NAME, 3, "a/*"));
    records.put("expire-pins", new Record.ExpirePins(time));
    records.put(
        "change-members",
        new Record.ChangeMembers(
            List.of(Samples.member("node-b", "zone-2")),
            List.of("node-c"),
            List.of("node-d"),
            List.of("node-e"),
            List.of("node-f", "node-g"),
            true,
            time));
    records.put("put-coordinator", new Record.PutCoordinator("c2", "host:7452"));
    records.put("delete-snapshots", new Record.DeleteSnapshots(NAME, List.of(1L, 2L, 300L)));
    records.put("add-snapshot-origin", new Record.AddSnapshot(NAME, Samples.snapshot(5)));
    records.put(
        "put-pin-owned",
        new Record.PutPin(
            "p-2", new NewPin(NAME, 0, "", Optional.empty(), "node-a", 12, 3_456), time));
    records.put("remove-pin-owned", new Record.RemovePin(NAME, 0, "", "node-a"));
    records.put("move-pin", new Record.MovePin(NAME, 3, "a/*", "node-a", "node-b"));
    records.put(
        "put-warm-up",
        new Record.PutWarmUp(
            NAME, 3, "a/*", "2,zone=z1", true, time, Optional.of(time.plusMillis(7)), "r-9"));
    records.put("end-warm-ups", new Record.EndWarmUps(4, time, 100));
    records.put(
        "dispute-roots",
        new Record.DisputeRoots(
            List.of(
                Samples.root(1, 2, Trust.ATTESTED),
                new RecordedRoot(
                    Samples.key(1), 1002, Samples.digest(2), Trust.VERIFIED, "node-b", 7)),
            time,
            200,
            100));
    records.put(
        "tend-disputes",
        new Record.TendDisputes(time, Duration.ofMinutes(5), Duration.ofDays(1), 100));
    records.put(
        "together",
        new Record.Together(
            List.of(
                new Record.RecordRoots(List.of(Samples.root(1, 2, Trust.VERIFIED))),
                new Record.Holdings("node-a", List.of(Samples.key(1)), List.of(), false))));
    return records;
  }

  /** As it was written before snapshots said where their objects lie. */
  private static NewSnapshot withoutOrigin(NewSnapshot snapshot) {
    return new NewSnapshot(
        snapshot.catalogKey(),
        snapshot.catalogRoot(),
        snapshot.catalogSizeBytes(),
        snapshot.files(),
        snapshot.bytes(),
        snapshot.skipped(),
        "",
        false,
        snapshot.listedFrom(),
        snapshot.listedTo());
  }

  @Test
  void writesTheBytesItAlwaysWrote() throws IOException {
    StringBuilder now = new StringBuilder();
    samples()
        .forEach((name, record) ->
            now.append(name)
                .append(' ')
                .append(HexFormat.of().formatHex(RecordCodec.encode(record)))
                .append('\n'));
    assertEquals(golden(), now.toString());
  }

  @Test
  void readsTheBytesItAlwaysWrote() throws IOException {
    Map<String, Record> samples = samples();
    assertEquals(samples.size(), golden().lines().count());
    for (String line : golden().lines().toList()) {
      String[] words = line.split(" ");
      assertEquals(
          samples.get(words[0]), RecordCodec.decode(HexFormat.of().parseHex(words[1])), words[0]);
    }
  }

  @Test
  void everyKindOfRecordHasGoldenBytes() {
    List<Class<?>> kinds = samples().values().stream().<Class<?>>map(Object::getClass).toList();
    for (Class<?> kind : Record.class.getPermittedSubclasses()) {
      assertTrue(kinds.contains(kind), () -> kind + " has no sample");
    }
  }

  @Test
  void refusesNewerVersionsAndDamage() {
    assertCode(ErrorCode.STORE_UNUSABLE, new byte[] {0x08, 0x02});
    assertCode(ErrorCode.STORE_UNUSABLE, new byte[] {0x08, 0x01});
    assertCode(ErrorCode.STORE_CORRUPT, new byte[0]);
    long seed = RandomRecords.seed();
    Random random = new Random(seed);
    for (Record record : samples().values()) {
      byte[] bytes = RecordCodec.encode(record);
      for (int i = 0; i < 200; i++) {
        byte[] damaged = bytes.clone();
        damaged[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        try {
          RecordCodec.encode(RecordCodec.decode(damaged));
        } catch (LarderException expected) {
          // Refused with a code is as good as read: only other exceptions are faults.
          assertTrue(expected.code() != ErrorCode.INTERNAL, () -> "-Dlarder.seed=" + seed);
        }
      }
    }
  }

  @Test
  void onlyWhatChangesNoEpochSharesAnEntry() {
    Record leave = new Record.Leave("node-a");
    assertCode(ErrorCode.STORE_UNUSABLE, RecordCodec.encode(new Record.Together(List.of(leave))));
    Record nested = new Record.Together(List.of(new Record.Together(List.of())));
    assertCode(ErrorCode.STORE_UNUSABLE, RecordCodec.encode(nested));
  }

  private static void assertCode(ErrorCode code, byte[] bytes) {
    assertEquals(code, assertThrows(LarderException.class, () -> RecordCodec.decode(bytes)).code());
  }

  private static String golden() throws IOException {
    try (InputStream in = RecordCodecTest.class.getResourceAsStream("/records-v1.golden")) {
      return in == null ? "" : new String(in.readAllBytes(), StandardCharsets.US_ASCII);
    }
  }
}
