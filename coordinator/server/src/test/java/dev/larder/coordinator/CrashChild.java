package dev.larder.coordinator;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.SnapshotDefinition;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Trust;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * A process that writes until it is killed. Says {@code recovered <n>} and then {@code ack <n>} for
 * each snapshot that was acknowledged with the roots before it.
 */
public final class CrashChild {
  static final DatasetName NAME = new DatasetName("crash");
  static final int ROOTS = 20;

  private CrashChild() {}

  public static void main(String[] args) throws IOException {
    CoordinatorConfig.Limits limits =
        TestCoordinator.limits(25, 5_000, 1_000_000, Duration.ofMinutes(5));
    try (OutputStream out = new FileOutputStream(FileDescriptor.out);
        TestCoordinator coordinator =
            TestCoordinator.start(Path.of(args[0]), limits, Clock.systemUTC())) {
      CoordinatorClient client = coordinator.server().client();
      if (client.datasets().isEmpty()) {
        client.createDataset(NAME, "file:///crash", Map.of());
      }
      long last = check(client);
      say(out, "recovered " + last);
      while (true) {
        long next = last + 1;
        client.recordRoots(
            LongStream.range(next * ROOTS, (next + 1) * ROOTS)
                .mapToObj(n -> Samples.root(n, n, Trust.VERIFIED))
                .toList());
        last = client.addSnapshot(NAME, Samples.snapshot(next)).number();
        say(out, "ack " + last);
      }
    }
  }

  /** The number of the last snapshot, after looking at all of them. */
  static long check(CoordinatorClient client) {
    long last = 0;
    for (SnapshotDefinition snapshot : client.dataset(NAME).snapshots()) {
      last++;
      if (snapshot.number() != last || !snapshot.content().equals(Samples.snapshot(last))) {
        throw new IllegalStateException("snapshot " + snapshot + " where " + last + " should be");
      }
    }
    var keys = LongStream.range(ROOTS, (last + 1) * ROOTS).mapToObj(Samples::key).toList();
    int found = client.roots(keys).size();
    if (found != keys.size()) {
      throw new IllegalStateException(found + " roots of " + keys.size());
    }
    return last;
  }

  private static void say(OutputStream out, String line) throws IOException {
    out.write((line + '\n').getBytes(StandardCharsets.US_ASCII));
    out.flush();
  }
}
