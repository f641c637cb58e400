package dev.larder.perf.measure;

import dev.larder.client.LarderClient;
import dev.larder.perf.Bench;
import dev.larder.perf.http.RawHttp;
import dev.larder.perf.origin.OriginProcess;
import dev.larder.perf.process.PageCache;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.zip.CRC32C;

/**
 * An origin server and a {@code larder dev} over it, each a process of its own. Every bucket of the
 * origin has the same files, so a dataset over a new bucket is cold.
 */
final class Rig implements AutoCloseable {
  private static final long SEAL_NANOS_MAX = 60_000_000_000L;

  private final Bench bench;
  private final OriginProcess origin;
  private final List<String> settings;
  private LarderProcess larder;
  private LarderClient client;

  private Rig(Bench bench, OriginProcess origin, List<String> settings, LarderProcess larder) {
    this.bench = bench;
    this.origin = origin;
    this.settings = settings;
    this.larder = larder;
    this.client = larder.client();
  }

  /**
   * Starts both.
   *
   * @param files what the origin serves
   * @param bytesPerSecond the origin's rate; 0 for as fast as it goes
   */
  static Rig start(Bench bench, Path files, long bytesPerSecond) throws Exception {
    return start(bench, files, bytesPerSecond, List.of());
  }

  /**
   * Starts both.
   *
   * @param settings {@code KEY=VALUE} of larder's configuration
   */
  static Rig start(Bench bench, Path files, long bytesPerSecond, List<String> settings)
      throws Exception {
    Path data = bench.fresh("data");
    Path run = bench.fresh("run");
    // larder refuses a run directory, where its token lies, that others may enter.
    Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwx------"));
    OriginProcess origin = OriginProcess.start(bench, files, bytesPerSecond);
    LarderProcess larder = LarderProcess.start(bench, data, run, settings);
    return new Rig(bench, origin, settings, larder);
  }

  /** Kills larder and starts another over the same directories; returns when that is ready. */
  void killAndStart() throws IOException, InterruptedException {
    larder.process().kill();
    client.close();
    larder = LarderProcess.start(bench, data(), run(), settings);
    client = larder.client();
  }

  /** Larder's data directory. */
  Path data() {
    return bench.work().resolve("data");
  }

  /** Larder's run directory. */
  Path run() {
    return bench.work().resolve("run");
  }

  OriginProcess origin() {
    return origin;
  }

  LarderProcess larder() {
    return larder;
  }

  LarderClient client() {
    return client;
  }

  /** Makes a dataset of all files of the bucket of the same name. */
  void createDataset(String name) {
    client
        .control()
        .create(
            name,
            "s3://" + name + "/",
            Map.of(
                "endpoint", origin.url(),
                "region", "us-east-1",
                "path-style", "true",
                "credentials", "anonymous"),
            (objects, bytes) -> {});
  }

  /** Lists a dataset's origin again; a new snapshot where something changed. */
  void refreshDataset(String name) {
    client.control().refresh(name, (objects, bytes) -> {});
  }

  /** Reads a file of a dataset through the front door, over a connection of its own. */
  RawHttp.Transfer read(String dataset, String path) throws IOException {
    try (RawHttp http = RawHttp.connect(larder.address())) {
      return http.get("/datasets/" + dataset + "/" + path, larder.headers());
    }
  }

  /** CRC32C of a file of a dataset, read through the front door. */
  long checksum(String dataset, String path) throws IOException {
    CRC32C crc = new CRC32C();
    try (RawHttp http = RawHttp.connect(larder.address())) {
      http.get("/datasets/" + dataset + "/" + path, larder.headers(), crc::update);
    }
    return crc.getValue();
  }

  /** The same object straight from the origin, over a connection of its own. */
  RawHttp.Transfer readRaw(String bucket, String path) throws IOException {
    try (RawHttp http = RawHttp.connect(origin.address())) {
      return http.get("/" + bucket + "/" + path, Map.of());
    }
  }

  /** Waits until a file is sealed and all that was written is on disk. */
  void settle(String dataset, String path) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + SEAL_NANOS_MAX;
    String state = client.control().statJson(dataset, path);
    while (!state.replace(" ", "").contains("\"state\":\"sealed\"")) {
      if (System.nanoTime() > deadline) {
        throw new IOException(dataset + "/" + path + " was not sealed: " + state);
      }
      LockSupport.parkNanos(20_000_000);
      state = client.control().statJson(dataset, path);
    }
    PageCache.sync();
  }

  @Override
  public void close() {
    client.close();
    larder.close();
    origin.close();
  }
}
