package dev.larder.perf.measure;

import dev.larder.client.RemoteFile;
import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Rounds;
import dev.larder.perf.process.PageCache;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Path;
import java.util.function.Consumer;

/** The Java client on the node, reading a sealed blob, against a plain file. */
public final class ClientSealed implements Measure {
  private static final long BYTES = 1L << 30;
  private static final int ROUNDS = 21;

  @Override
  public String name() {
    return "client-sealed-1g";
  }

  @Override
  public String about() {
    return "the Java client reading a sealed 1 GiB blob against FileChannel on a plain file";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    Path files = SampleFiles.large(bench, BYTES);
    Path plain = files.resolve("large.bin");
    try (Rig rig = Rig.start(bench, files, 0)) {
      rig.createDataset("sealed");
      if (rig.checksum("sealed", "large.bin") != SampleFiles.checksum(plain)) {
        throw new IOException("the bytes through larder are not those of the file");
      }
      rig.settle("sealed", "large.bin");
      // How a file came into the page cache decides its folios' size: both come by reading.
      if (!PageCache.drop()) {
        bench.say("  not root: the page cache could not be dropped first");
      }
      ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20);
      try (RemoteFile check = rig.client().open("sealed", "large.bin")) {
        if (!check.isDirect()) {
          bench.say("  the client did not read the store's file directly");
        }
      }
      Rounds.Sampler client =
          round -> {
            try (RemoteFile file = rig.client().open("sealed", "large.bin")) {
              return gigabytesPerSecond(file, buffer);
            }
          };
      Rounds.Sampler baseline =
          round -> {
            try (FileChannel file = FileChannel.open(plain)) {
              return gigabytesPerSecond(file, buffer);
            }
          };
      for (int i = 0; i < 5; i++) {
        client.sample(i);
        baseline.sample(i);
      }
      Rounds rounds = Rounds.interleave(ROUNDS, client, baseline);
      bench.say("  " + rounds + " GB/s");
      results.accept(rounds.figure(name(), "GB/s", Goal.ratioAtLeast(0.98)));
    }
  }

  private static double gigabytesPerSecond(SeekableByteChannel file, ByteBuffer buffer)
      throws IOException {
    long started = System.nanoTime();
    long bytes = 0;
    while (true) {
      int count = file.read(buffer.clear());
      if (count < 0) {
        break;
      }
      bytes += count;
    }
    if (bytes != BYTES) {
      throw new IOException("read " + bytes + " bytes of " + BYTES);
    }
    return bytes / (double) (System.nanoTime() - started);
  }
}
