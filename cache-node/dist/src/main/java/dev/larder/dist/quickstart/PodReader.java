package dev.larder.dist.quickstart;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;

/**
 * What a pod's container runs: reads every file of a volume and compares each byte with its source;
 * where there is a second volume it then reads both, until it is told to stop. What it found stands
 * in files of a folder that it shares with whoever made the pod.
 */
final class PodReader {
  /** Seconds of the epoch at which the first byte was read; written before this program starts. */
  static final String FIRST = "first";

  /** What one pass over the first volume found. */
  static final String PASS = "pass";

  /** Exists while both volumes are read. */
  static final String READING = "reading";

  /** Whoever made the pod makes it to end the reading, and the container. */
  static final String STOP = "stop";

  /** What the reading of both volumes found. */
  static final String READ = "read";

  /** The file whose first byte is read; every sample has it. */
  static final String FIRST_FILE = "models/weights.bin";

  private static final long LOOK_NANOS = 50_000_000;

  private PodReader() {}

  /** Where a container sees its volumes, their sources and the folder for what it found. */
  record Places(String data, String source, String later, String laterSource, String out) {
    /** The shell's words that read the first byte and go on as this program. */
    List<String> command(String java, String classPath) {
      return List.of(
          "sh",
          "-c",
          "head -c 1 \"$1/"
              + FIRST_FILE
              + "\" >/dev/null && date +%s.%N >\"$5/first.new\""
              + " && mv \"$5/first.new\" \"$5/"
              + FIRST
              + "\" && exec \"$0\" -Xmx96m"
              + " -XX:+UseSerialGC -cp '"
              + classPath
              + "' "
              + PodReader.class.getName()
              + " \"$@\"",
          java,
          data,
          source,
          later,
          laterSource,
          out);
    }
  }

  /** Figures of reading both volumes. */
  record Read(
      long errors, long mismatches, double longestPauseSeconds, long bytes, long incompleteBytes) {}

  public static void main(String[] args) throws IOException, InterruptedException {
    Places places = new Places(args[0], args[1], args[2], args[3], args[4]);
    PrintStream err = System.err;
    Path out = Path.of(places.out());
    MountReader reader = new MountReader(Path.of(places.source()), Path.of(places.data()), err);
    reader.readAll();
    write(
        out.resolve(PASS),
        reader.files() + " " + reader.bytes() + " " + reader.mismatches() + " " + reader.errors());
    if (places.later().isEmpty()) {
      // A pod whose container has ended is ready no more, and nobody may have looked yet.
      awaitStop(out);
      return;
    }
    MountReader later =
        new MountReader(Path.of(places.laterSource()), Path.of(places.later()), err);
    try (EndlessReaders readers = EndlessReaders.start(reader, later)) {
      readers.awaitIncomplete();
      write(out.resolve(READING), "");
      awaitStop(out);
      MountReport.Killed read = readers.stop(0);
      write(
          out.resolve(READ),
          String.format(
              Locale.ROOT,
              "%d %d %.3f %d %d",
              read.readerErrors(),
              read.mismatches(),
              read.longestPauseSeconds(),
              read.bytes(),
              read.incompleteBytes()));
    }
  }

  private static void awaitStop(Path out) {
    while (!Files.exists(out.resolve(STOP))) {
      LockSupport.parkNanos(LOOK_NANOS);
    }
  }

  private static void write(Path file, String text) throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    Files.writeString(fresh, text);
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
  }

  /** The pass of a pod: files, bytes, mismatches, errors. */
  static MountReader.Pass pass(Path out) throws IOException {
    String[] words = words(out.resolve(PASS));
    return new MountReader.Pass(
        Long.parseLong(words[0]),
        Long.parseLong(words[1]),
        Long.parseLong(words[2]),
        Long.parseLong(words[3]));
  }

  /** What reading both volumes found. */
  static Read read(Path out) throws IOException {
    String[] words = words(out.resolve(READ));
    return new Read(
        Long.parseLong(words[0]),
        Long.parseLong(words[1]),
        Double.parseDouble(words[2]),
        Long.parseLong(words[3]),
        Long.parseLong(words[4]));
  }

  private static String[] words(Path file) throws IOException {
    return Files.readString(file).strip().split(" ");
  }
}
