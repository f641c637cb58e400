package dev.larder.fuse.frame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Offsets, sizes and numbers are those of the C header of this machine. */
class OffsetsTest {
  private static final List<Class<?>> FRAMES =
      List.of(
          AccessRequest.class,
          Attr.class,
          AttrReply.class,
          Dirent.class,
          EntryReply.class,
          ForgetRequest.class,
          InitFlags.class,
          InitReply.class,
          InitRequest.class,
          InterruptRequest.class,
          InvalInodeNotice.class,
          LseekFrames.class,
          Opcode.class,
          OpenReply.class,
          OpenRequest.class,
          ReadRequest.class,
          ReleaseRequest.class,
          ReplyHeader.class,
          RequestBytes.class,
          RequestHeader.class,
          StatfsReply.class,
          StatxFrames.class,
          StoreNotice.class);

  /** Ours alone, or of other headers (stat.h, dirent.h, unistd.h). */
  private static final Set<String> NOT_OF_THE_HEADER =
      Set.of(
          "AccessRequest.WRITE",
          "Attr.TYPE_DIRECTORY",
          "Attr.TYPE_FILE",
          "Dirent.TYPE_DIRECTORY",
          "EntryReply.FOREVER_SECONDS",
          "InitRequest.BYTES_OLD",
          "LseekFrames.SEEK_DATA",
          "LseekFrames.SEEK_HOLE");

  /** What a header lacks, with the minor version that brought it. */
  private static final Map<String, Integer> SINCE =
      Map.ofEntries(
          Map.entry("StatxFrames.REQUEST_BYTES", 39),
          Map.entry("StatxFrames.REPLY_BYTES", 39),
          Map.entry("StatxFrames.STAT_BYTES", 39),
          Map.entry("StatxFrames.ATTR_VALID", 39),
          Map.entry("StatxFrames.STAT", 39),
          Map.entry("StatxFrames.STAT_MASK", 39),
          Map.entry("StatxFrames.STAT_BLKSIZE", 39),
          Map.entry("StatxFrames.STAT_NLINK", 39),
          Map.entry("StatxFrames.STAT_MODE", 39),
          Map.entry("StatxFrames.STAT_INO", 39),
          Map.entry("StatxFrames.STAT_SIZE", 39),
          Map.entry("StatxFrames.STAT_BLOCKS", 39),
          Map.entry("Opcode.STATX", 39),
          Map.entry("OpenReply.BACKING_ID", 40),
          Map.entry("OpenReply.PASSTHROUGH", 40),
          Map.entry("InitReply.MAX_STACK_DEPTH", 40),
          Map.entry("InitFlags.PASSTHROUGH", 40),
          Map.entry("InitFlags.NO_EXPORT_SUPPORT", 40),
          Map.entry("InitFlags.HAS_RESEND", 40),
          Map.entry("InitFlags.REQUEST_TIMEOUT", 43),
          Map.entry("Opcode.COPY_FILE_RANGE_64", 45));

  @TempDir private Path dir;

  @Test
  void areThoseOfTheHeader() throws Exception {
    Map<String, Long> theirs = headersNumbers();
    int minor = theirs.remove("minor").intValue();
    Map<String, Long> ours = ourNumbers();
    ours.keySet().removeAll(NOT_OF_THE_HEADER);

    Set<String> unchecked = new TreeSet<>(ours.keySet());
    unchecked.removeAll(theirs.keySet());
    Set<String> tooNew = new TreeSet<>();
    SINCE.forEach((name, since) -> {
      if (since > minor) {
        tooNew.add(name);
      }
    });
    assertEquals(tooNew, unchecked, "not in the header of 7." + minor);

    ours.keySet().retainAll(theirs.keySet());
    assertEquals(new TreeMap<>(theirs), ours);
    assertTrue(ours.size() > 130, "checked: " + ours.size());
  }

  private Map<String, Long> headersNumbers() throws Exception {
    Path source = dir.resolve("offsets.c");
    try (InputStream text = OffsetsTest.class.getResourceAsStream("offsets.c")) {
      Files.copy(text, source);
    }
    Path program = dir.resolve("offsets");
    try {
      String said = run("gcc", "-Wall", "-Werror", "-o", program.toString(), source.toString());
      assertEquals("", said);
    } catch (IOException e) {
      assumeTrue("true".equals(System.getenv("CI")), "no gcc here: " + e.getMessage());
      throw e;
    }
    Map<String, Long> numbers = new TreeMap<>();
    for (String line : run(program.toString()).lines().toList()) {
      String[] parts = line.split(" ", -1);
      numbers.put(parts[0], Long.parseLong(parts[1]));
    }
    return numbers;
  }

  private static String run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output;
  }

  private static Map<String, Long> ourNumbers() throws IllegalAccessException {
    Map<String, Long> numbers = new TreeMap<>();
    for (Class<?> frame : FRAMES) {
      for (Field field : frame.getDeclaredFields()) {
        if (Modifier.isPublic(field.getModifiers())) {
          Number value = (Number) field.get(null);
          numbers.put(frame.getSimpleName() + "." + field.getName(), value.longValue());
        }
      }
    }
    return numbers;
  }
}
