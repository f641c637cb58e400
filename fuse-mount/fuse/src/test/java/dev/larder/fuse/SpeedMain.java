package dev.larder.fuse;

import com.sun.nio.file.ExtendedOpenOption;
import dev.larder.fuse.TestBlobs.Manner;
import dev.larder.fuse.frame.InvalInodeNotice;
import dev.larder.fuse.frame.ReplyHeader;
import dev.larder.linux.FuseDevice;
import dev.larder.linux.MountTable;
import dev.larder.linux.SeqPacketServer;
import dev.larder.linux.SeqPacketSocket;
import dev.larder.linux.SharedMemory;
import dev.larder.protocol.BlobKey;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * Measures reads that go through the server's process, from a file that is in the page cache. Needs
 * root. Serving is one process, reading another.
 *
 * <pre>
 * java --enable-native-access=ALL-UNNAMED -cp ... dev.larder.fuse.SpeedMain DIR [MIB] [READERS] [READ_AHEAD_KIB]
 * </pre>
 */
final class SpeedMain {
  private static final long SECONDS = 4;

  private SpeedMain() {}

  /** Directory, MiB of each of two files, reader threads of the server, read-ahead of the mount. */
  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("serve")) {
      serve(arguments);
      return;
    }
    long size = (arguments.length > 1 ? Long.parseLong(arguments[1]) : 1024) << 20;
    String readers = arguments.length > 2 ? arguments[2] : "0";
    int ahead = arguments.length > 3 ? Integer.parseInt(arguments[3]) : 1024;
    Path dir = Files.createTempDirectory(Path.of(arguments[0]).toAbsolutePath(), "speed-");
    TestBlobs blobs = new TestBlobs(Files.createDirectory(dir.resolve("blobs")), 0);
    BlobKey one = blobs.add(1, Manner.LOCAL, size);
    BlobKey two = blobs.add(2, Manner.LOCAL, size);
    FuseConfig config = config(readers);
    try (Rig rig = new Rig(dir, config);
        SeqPacketServer door = SeqPacketServer.bind(dir.resolve("door"))) {
      String device = MountTable.read().at(rig.root()).getFirst().device();
      Files.writeString(Path.of("/sys/class/bdi/" + device + "/read_ahead_kb"), "" + ahead);
      Process server =
          new ProcessBuilder(
                  ProcessHandle.current().info().command().orElse("java"),
                  "-Xmx128m",
                  "-XX:+UseSerialGC",
                  "--enable-native-access=ALL-UNNAMED",
                  "-cp",
                  System.getProperty("java.class.path"),
                  SpeedMain.class.getName(),
                  "serve",
                  door.path().toString(),
                  blobs.file(one).getParent().getParent().toString(),
                  readers)
              .inheritIO()
              .start();
      try (SeqPacketSocket agent = door.accept(60_000)) {
        agent.send(new byte[1], List.of(rig.device().fd(), rig.memory().fd()), 10_000);
        agent.receive(10, 60_000).close();
        measure(rig, server.pid(), rig.path(one), rig.path(two), blobs.file(one), size);
      } finally {
        server.destroyForcibly().waitFor();
      }
    } finally {
      try (Stream<Path> files = Files.walk(dir)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  private static FuseConfig config(String readers) {
    return new FuseConfig(
        512, 4096, Integer.parseInt(readers), 64, 32L << 20, 16, Duration.ofSeconds(60), true);
  }

  private static void serve(String[] arguments) throws Exception {
    TestBlobs blobs = new TestBlobs(Path.of(arguments[2]), 0);
    SeqPacketSocket keeper = SeqPacketSocket.connect(Path.of(arguments[1]));
    dev.larder.linux.Message message = keeper.receive(100, 10_000);
    FuseDevice device = FuseDevice.adopt(message.take());
    SharedMemory memory = SharedMemory.attach(message.take());
    FuseServer server =
        new FuseServer(
            config(arguments[3]),
            device.fd(),
            SharedState.open(memory.memory()),
            blobs,
            Rig.backings(device),
            Throwable::printStackTrace);
    server.start();
    keeper.send(new byte[1], List.of(), 1000);
    server.end().get();
  }

  private static void measure(Rig rig, long pid, Path one, Path two, Path file, long size)
      throws Exception {
    double gib = size / 1e9;
    for (int round = 0; round < 3; round++) {
      System.out.println();
      report(
          "native, sequential, one reader", 0, gib, "GB/s", () -> sequential(List.of(file), size));
      drop(rig);
      report("sequential, one reader", pid, gib, "GB/s", () -> sequential(List.of(one), size));
      drop(rig);
      report(
          "sequential, two readers",
          pid,
          2 * gib,
          "GB/s",
          () -> sequential(List.of(one, two), size));
      report("native, random 4 KiB, 8 threads", 0, 0, "k/s", () -> random(file, size, 8));
      for (int threads : new int[] {1, 8}) {
        drop(rig);
        report(
            "random 4 KiB, " + threads + " threads",
            pid,
            0,
            "k/s",
            () -> random(one, size, threads));
        report(
            "random 4 KiB O_DIRECT, " + threads + " threads",
            pid,
            0,
            "k/s",
            () -> random(one, size, threads, ExtendedOpenOption.DIRECT));
      }
      report("open, read 4 KiB, close", pid, 0, "k/s", () -> openClose(one));
    }
  }

  private interface Measured {
    double run() throws Exception;
  }

  /** Prints a rate, and the processor time the server took for a unit of it. */
  private static void report(String what, long pid, double units, String unit, Measured measured)
      throws Exception {
    double before = pid == 0 ? 0 : cpuSeconds(pid);
    long begin = System.nanoTime();
    double rate = measured.run();
    double seconds = (System.nanoTime() - begin) / 1e9;
    double cpu = pid == 0 ? 0 : cpuSeconds(pid) - before;
    double per = units > 0 ? cpu / units : cpu * 1e3 / (rate * seconds);
    System.out.printf(
        Locale.ROOT,
        "%-36s %8.2f %-4s %s%n",
        what,
        rate,
        unit,
        pid == 0
            ? ""
            : String.format(Locale.ROOT, units > 0 ? "%.2f CPU s/GB" : "%.2f CPU us each", per));
  }

  private static double cpuSeconds(long pid) throws IOException {
    String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / 100.0;
  }

  private static void drop(Rig rig) {
    Rows rows = rig.state().rows();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment notice = arena.allocate(ReplyHeader.BYTES + InvalInodeNotice.BYTES, 8);
      for (int row = Layout.ROW_KEYS; row < rows.touched(); row++) {
        ReplyHeader.put(notice, 0, (int) notice.byteSize(), InvalInodeNotice.CODE, 0);
        InvalInodeNotice.putWhole(notice, ReplyHeader.BYTES, rows.nodeId(row));
        long unused = rig.device().fd().write(notice, 0, notice.byteSize());
      }
    }
  }

  private static double sequential(List<Path> files, long size) throws Exception {
    long begin = System.nanoTime();
    inParallel(
        files.size(),
        t -> {
          try (FileChannel channel = FileChannel.open(files.get(t))) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20);
            long done = 0;
            int got;
            while ((got = channel.read(buffer.clear())) > 0) {
              done += got;
            }
            if (done != size) {
              throw new IOException("ends at " + done);
            }
          }
        });
    return (double) size * files.size() / (System.nanoTime() - begin);
  }

  private static double random(Path file, long size, int threads, OpenOption... options)
      throws Exception {
    AtomicLong reads = new AtomicLong();
    long begin = System.nanoTime();
    Set<OpenOption> all =
        options.length == 0
            ? Set.of(StandardOpenOption.READ)
            : Set.of(StandardOpenOption.READ, options[0]);
    inParallel(
        threads,
        t -> {
          Random random = new Random(t + begin);
          try (FileChannel channel = FileChannel.open(file, all)) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(8192).alignedSlice(4096);
            long mine = 0;
            while ((mine & 63) != 0 || System.nanoTime() - begin < SECONDS * 1_000_000_000) {
              buffer.clear().limit(4096);
              if (channel.read(buffer, 4096 * random.nextLong(size / 4096)) != 4096) {
                throw new IOException("short");
              }
              mine++;
            }
            reads.addAndGet(mine);
          }
        });
    return reads.get() * 1e6 / (System.nanoTime() - begin);
  }

  private static double openClose(Path file) throws IOException {
    int times = 20_000;
    ByteBuffer buffer = ByteBuffer.allocateDirect(4096);
    long begin = System.nanoTime();
    for (int i = 0; i < times; i++) {
      try (FileChannel channel = FileChannel.open(file)) {
        int unused = channel.read(buffer.clear(), 0);
      }
    }
    return times * 1e6 / (System.nanoTime() - begin);
  }

  private interface Body {
    void run(int thread) throws Exception;
  }

  private static void inParallel(int threads, Body body) throws Exception {
    List<Throwable> failed = new ArrayList<>();
    List<Thread> all = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      int number = t;
      all.add(
          Thread.ofPlatform()
              .start(() -> {
                try {
                  body.run(number);
                } catch (Throwable e) {
                  synchronized (failed) {
                    failed.add(e);
                  }
                }
              }));
    }
    for (Thread thread : all) {
      thread.join();
    }
    if (!failed.isEmpty()) {
      throw new IOException(failed.getFirst());
    }
  }
}
