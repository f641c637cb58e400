package dev.larder.dist.quickstart;

import dev.larder.client.LarderClient;
import dev.larder.client.LarderClient.EntryStream;
import dev.larder.client.RemoteEntry;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;

/** Reads all files of a dataset through the client and compares every byte with its source. */
final class DatasetReader {
  private static final int FILES_AT_ONCE = 8;
  private static final int BUFFER_BYTES = 256 << 10;

  private final LarderClient client;
  private final String dataset;
  private final Path source;
  private final PrintStream err;
  private final AtomicLong files = new AtomicLong();
  private final AtomicLong bytes = new AtomicLong();
  private final AtomicLong mismatches = new AtomicLong();

  DatasetReader(LarderClient client, String dataset, Path source, PrintStream err) {
    this.client = client;
    this.dataset = dataset;
    this.source = source;
    this.err = err;
  }

  /** What one pass read. */
  record Result(long files, long bytes, long mismatches) {}

  Result readAll() throws InterruptedException {
    Semaphore slots = new Semaphore(FILES_AT_ONCE);
    try (ExecutorService pool = Executors.newFixedThreadPool(FILES_AT_ONCE);
        EntryStream entries = client.walk(dataset, "")) {
      while (entries.hasNext()) {
        RemoteEntry entry = entries.next();
        slots.acquire();
        pool.execute(() -> {
          try {
            compare(entry);
          } finally {
            slots.release();
          }
        });
      }
    }
    return new Result(files.get(), bytes.get(), mismatches.get());
  }

  private void compare(RemoteEntry entry) {
    files.incrementAndGet();
    Path original = source.resolve(entry.path());
    try (InputStream cached = client.openStream(entry.snapshot(), entry.path());
        InputStream wanted = Files.newInputStream(original)) {
      byte[] a = new byte[BUFFER_BYTES];
      byte[] b = new byte[BUFFER_BYTES];
      int count = cached.readNBytes(a, 0, a.length);
      while (count > 0) {
        int other = wanted.readNBytes(b, 0, count);
        if (other != count || Arrays.mismatch(a, 0, count, b, 0, count) >= 0) {
          mismatch(entry, "differs from its source");
          return;
        }
        bytes.addAndGet(count);
        count = cached.readNBytes(a, 0, a.length);
      }
      if (wanted.read() >= 0) {
        mismatch(entry, "is shorter than its source");
      }
    } catch (IOException | LarderException e) {
      mismatch(entry, "could not be read: " + e);
    }
  }

  private void mismatch(RemoteEntry entry, String what) {
    mismatches.incrementAndGet();
    err.println("  " + entry.path() + " " + what);
  }
}
