package dev.larder.agent.read;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.larder.agent.FakeOrigin;
import dev.larder.agent.fill.FillReader;
import dev.larder.agent.fill.FillReader.ReadShape;
import dev.larder.agent.fill.FillSource;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A defect while a blob is sealed. */
class BrokenSealTest {
  private static final int MIB = 1 << 20;

  @TempDir Path directory;
  private final FakeOrigin origin = new FakeOrigin();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private ReadRig rig;
  private OriginObject file;

  @BeforeEach
  void open() {
    rig = new ReadRig(directory, origin);
    byte[] content = new byte[3 * MIB];
    new Random(5).nextBytes(content);
    origin.add("f", content);
    file =
        FakeOrigin.object(
            "f", content.length, Optional.of(BlobKey.sha256(Digests.ofBytes(content))));
    rig.store.breakSeals(new IllegalStateException("as the test wished"));
  }

  @AfterEach
  void close() {
    threads.shutdownNow();
    rig.close();
  }

  @Test
  void aReaderGetsTheFaultAndTheNextOneEverything() throws Exception {
    assertInternal(
        threads.submit(() -> rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.SEQUENTIAL)));
    rig.store.breakSeals(null);
    rig.readAndCompare(file, 0, file.sizeBytes(), ReadIntent.SEQUENTIAL);
    ReadRig.await("sealed", () -> rig.isSealed(file));
    assertEquals(file.sizeBytes(), origin.bytesSent(), "what came stays");
  }

  @Test
  void aWarmUpGetsTheFaultAndTheFlightEnds() throws Exception {
    assertInternal(
        threads.submit(() -> {
          try (FillReader reader = rig.engine.open(new FillSource(origin, file), ReadShape.WARM)) {
            reader.awaitComplete();
          }
        }));
    ReadRig.await("over", () -> rig.engine.gauges().get("fills_in_flight") == 0);
  }

  private static void assertInternal(Future<?> read) {
    ExecutionException fault =
        assertThrows(ExecutionException.class, () -> read.get(20, TimeUnit.SECONDS));
    assertEquals(ErrorCode.INTERNAL, ((LarderException) fault.getCause()).code());
  }
}
