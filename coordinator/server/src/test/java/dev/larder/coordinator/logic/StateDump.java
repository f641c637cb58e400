package dev.larder.coordinator.logic;

import dev.larder.coordinator.api.Dispute;
import dev.larder.coordinator.api.WarmUpJob;
import java.util.HexFormat;

/** The whole state as text, and the rules any state must keep. */
public final class StateDump {
  private StateDump() {}

  public static String of(StateStore store) {
    return store.read(reader -> {
      StringBuilder text = new StringBuilder();
      for (Table table : Table.values()) {
        text.append(table).append('\n');
        reader.scan(
            table,
            Keys.NONE,
            (key, value) -> {
              text.append("  ").append(HexFormat.of().formatHex(key)).append(" = ");
              text.append(HexFormat.of().formatHex(value)).append('\n');
              return true;
            });
      }
      return text.toString();
    });
  }

  /** What is wrong with the state; empty when counts and both sides of placements agree. */
  public static String faults(StateStore store) {
    return store.read(reader -> {
      Queries.Counts counts = new Queries(reader).counts();
      StringBuilder faults = new StringBuilder();
      compare(faults, reader, Table.MEMBERS, counts.members());
      compare(faults, reader, Table.DATASETS, counts.datasets());
      compare(faults, reader, Table.SNAPSHOTS, counts.snapshots());
      compare(faults, reader, Table.ROOTS, counts.roots());
      compare(faults, reader, Table.PINS, counts.pins());
      long standing = new Queries(reader).warmUps().stream().filter(WarmUpJob::isStanding).count();
      if (standing != new Queries(reader).warmUpsStanding()) {
        faults.append("warm-ups that stand are counted wrongly\n");
      }
      long open =
          Disputes.all(reader).stream()
              .filter(Dispute::isOpen)
              .peek(dispute -> {
                if (reader.get(Table.ROOTS, dispute.key().binary()) != null) {
                  faults.append("a root stands although it is disputed\n");
                }
              })
              .count();
      if (open != new Queries(reader).disputes().open()) {
        faults.append("open disputes are counted wrongly\n");
      }
      compare(faults, reader, Table.HOLDERS, counts.placements());
      compare(faults, reader, Table.HOLDINGS, counts.placements());
      reader.scan(
          Table.HOLDERS,
          Keys.NONE,
          (key, value) -> {
            String member = Keys.memberOfHolder(key);
            var blob = dev.larder.protocol.BlobKey.ofBinary(java.util.Arrays.copyOf(key, 33));
            if (reader.get(Table.HOLDINGS, Keys.holding(member, blob)) == null) {
              faults.append("holder without holding ").append(member).append('\n');
            }
            if (reader.get(Table.MEMBERS, Keys.text(member)) == null) {
              faults.append("holder is no member ").append(member).append('\n');
            }
            return true;
          });
      return faults.toString();
    });
  }

  private static void compare(StringBuilder faults, Reader reader, Table table, long expected) {
    long[] rows = new long[1];
    reader.scan(
        table,
        Keys.NONE,
        (key, value) -> {
          rows[0]++;
          return true;
        });
    if (rows[0] != expected) {
      faults.append(table + " has " + rows[0] + " rows, counted " + expected + '\n');
    }
  }
}
