package dev.larder.mount.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.mount.contract.Syscalls.Answer;
import dev.larder.mount.contract.Syscalls.Descriptor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Reading, in every way there is. */
interface ReadContract extends ContractSupport {

  @Test
  default void readsEveryFile() throws IOException {
    for (Map.Entry<String, Content> file : tree().contents().entrySet()) {
      // Java cannot name paths that are no UTF-8; DirectoryContract reads those.
      if (file.getValue().size() < 100 << 20 && !file.getKey().contains("\udc80")) {
        assertArrayEquals(
            file.getValue().bytes(), Files.readAllBytes(at(file.getKey())), file.getKey());
      }
    }
  }

  @Test
  default void readsRanges() {
    Content large = content("large");
    try (Descriptor file = sys().open(at("large"), "O_RDONLY")) {
      List<Long> places = new ArrayList<>(List.of(0L, 1L, 4095L, 131_071L, 1_048_575L));
      places.add(large.size() - 1);
      places.add(large.size() - 70_000);
      places.add(large.size() / 2);
      if (large.size() > 4L << 30) {
        places.addAll(List.of((2L << 30) - 10, (4L << 30) - 10, (4L << 30) + 5));
      }
      for (long place : places) {
        for (int length : new int[] {1, 4096, 100_000}) {
          assertArrayEquals(
              large.bytes(place, length),
              done("pread", file, length, place).bytes(),
              length + " at " + place);
        }
        assertArrayEquals(
            large.bytes(place, 3000), done("preadv", file, 3000, place).bytes(), "at " + place);
      }
    }
  }

  @Test
  default void readsOnAndOn() {
    Content content = content("sizes/1000003");
    try (Descriptor file = sys().open(at("sizes/1000003"), "O_RDONLY")) {
      byte[] all = new byte[0];
      for (Answer part = done("read", file, 9973); part.value() > 0; ) {
        int length = all.length;
        all = Arrays.copyOf(all, length + (int) part.value());
        System.arraycopy(part.bytes(), 0, all, length, (int) part.value());
        part = done("read", file, 9973);
      }
      assertArrayEquals(content.bytes(), all);
      assertEquals(content.size(), done("lseek", file, 0, "SEEK_CUR").value());
      assertEquals(0, done("read", file, 10).value());
    }
  }

  @Test
  default void endsAtTheEnd() {
    for (String path : List.of("sizes/0", "sizes/1", "sizes/4096", "sizes/65537", "large")) {
      long size = content(path).size();
      try (Descriptor file = sys().open(at(path), "O_RDONLY")) {
        assertEquals(0, done("pread", file, 10, size).value(), path);
        assertEquals(0, done("pread", file, 10, size + 4096).value(), path);
        assertEquals(0, done("pread", file, 10, 1L << 50).value(), path);
        assertEquals(0, done("pread", file, 0, 0).value(), path);
        assertEquals(
            Math.min(size, 5), done("pread", file, 10, Math.max(0, size - 5)).value(), path);
        refused("EINVAL", "pread", file, 10, -1);
        refused("EINVAL", "preadv", file, 10, -2);
      }
    }
  }

  @Test
  default void seeks() {
    try (Descriptor file = sys().open(at("sizes/65537"), "O_RDONLY")) {
      assertEquals(100, done("lseek", file, 100, "SEEK_SET").value());
      assertEquals(90, done("lseek", file, -10, "SEEK_CUR").value());
      assertEquals(65_537, done("lseek", file, 0, "SEEK_END").value());
      assertEquals(65_530, done("lseek", file, -7, "SEEK_END").value());
      assertArrayEquals(content("sizes/65537").bytes(65_530, 7), done("read", file, 100).bytes());
      assertEquals(1_000_000, done("lseek", file, 1_000_000, "SEEK_SET").value());
      assertEquals(0, done("read", file, 10).value());
      refused("EINVAL", "lseek", file, -1, "SEEK_SET");
      refused("EINVAL", "lseek", file, -65_538, "SEEK_END");
      assertEquals(1_000_000, done("lseek", file, 0, "SEEK_CUR").value());
    }
  }

  /** Files have no holes: all is data, and a hole only begins at the end. */
  @Test
  default void seeksDataAndHoles() {
    try (Descriptor file = sys().open(at("sizes/65537"), "O_RDONLY")) {
      assertEquals(0, done("lseek", file, 0, "SEEK_DATA").value());
      assertEquals(5000, done("lseek", file, 5000, "SEEK_DATA").value());
      assertEquals(65_537, done("lseek", file, 0, "SEEK_HOLE").value());
      assertEquals(65_537, done("lseek", file, 65_536, "SEEK_HOLE").value());
      refused("ENXIO", "lseek", file, 65_537, "SEEK_DATA");
      refused("ENXIO", "lseek", file, 65_537, "SEEK_HOLE");
      refused("ENXIO", "lseek", file, 1 << 30, "SEEK_DATA");
    }
    try (Descriptor empty = sys().open(at("sizes/0"), "O_RDONLY")) {
      refused("ENXIO", "lseek", empty, 0, "SEEK_DATA");
      refused("ENXIO", "lseek", empty, 0, "SEEK_HOLE");
    }
  }

  @Test
  default void mapsForReading() {
    for (String path : List.of("sizes/1", "sizes/4096", "sizes/4097", "sizes/1000003")) {
      Content content = content(path);
      for (String flags : List.of("MAP_SHARED", "MAP_PRIVATE", "MAP_SHARED|MAP_POPULATE")) {
        try (Descriptor file = sys().open(at(path), "O_RDONLY")) {
          byte[] seen = done("mmap", file, content.size(), "PROT_READ", flags, 0).bytes();
          assertArrayEquals(content.bytes(), seen, path + " " + flags);
        }
      }
    }
    try (Descriptor file = sys().open(at("sizes/1000003"), "O_RDONLY")) {
      assertArrayEquals(
          content("sizes/1000003").bytes(8192, 5000),
          done("mmap", file, 5000, "PROT_READ", "MAP_SHARED", 8192).bytes());
      refused("EINVAL", "mmap", file, 100, "PROT_READ", "MAP_SHARED", 100);
    }
    try (Descriptor script = sys().open(at("run/script"), "O_RDONLY")) {
      done("mmap", script, 18, "PROT_READ|PROT_EXEC", "MAP_PRIVATE", 0);
    }
  }

  @Test
  default void mapsCopiesForWritingOnly() {
    Content content = content("sizes/4097");
    try (Descriptor file = sys().open(at("sizes/4097"), "O_RDONLY")) {
      byte[] changed = done("mmap", file, 4097, "PROT_READ|PROT_WRITE", "MAP_PRIVATE", 0).bytes();
      byte[] expected = content.bytes();
      expected[0] ^= (byte) 0xFF;
      assertArrayEquals(expected, changed);
      assertArrayEquals(content.bytes(), done("pread", file, 5000, 0).bytes());
      refused("EACCES", "mmap", file, 4097, "PROT_READ|PROT_WRITE", "MAP_SHARED", 0);
      refused("EACCES", "mmap", file, 4097, "PROT_WRITE", "MAP_SHARED", 0);
    }
  }

  @Test
  default void mappingsEndWithTheLastPage() {
    long bus = sys().constant("SIGBUS");
    try (Descriptor file = sys().open(at("sizes/4097"), "O_RDONLY")) {
      assertEquals(0, done("touch", file, 16_384, 4096).value());
      assertEquals(0, done("touch", file, 16_384, 8191).value());
      assertEquals(bus, done("touch", file, 16_384, 8192).value());
      byte[] page = done("mmap", file, 8192, "PROT_READ", "MAP_SHARED", 0).bytes();
      assertArrayEquals(new byte[4095], Arrays.copyOfRange(page, 4097, 8192));
    }
    try (Descriptor empty = sys().open(at("sizes/0"), "O_RDONLY")) {
      assertEquals(bus, done("touch", empty, 4096, 0).value());
    }
  }

  @Test
  default void readsDirectly() {
    for (String path : List.of("sizes/4096", "sizes/65537", "sizes/1000003")) {
      Content content = content(path);
      try (Descriptor file = sys().open(at(path), "O_RDONLY|O_DIRECT")) {
        assertArrayEquals(content.bytes(0, 65_536), done("pread", file, 65_536, 0).bytes(), path);
        assertArrayEquals(content.bytes(4096, 8192), done("pread", file, 8192, 4096).bytes(), path);
        long tail = content.size() / 4096 * 4096;
        assertArrayEquals(content.bytes(tail, 4096), done("pread", file, 4096, tail).bytes(), path);
      }
    }
  }

  @Test
  default void sendsAndSplices() throws IOException {
    Content content = content("sizes/65537");
    try (Descriptor file = sys().open(at("sizes/65537"), "O_RDONLY")) {
      assertArrayEquals(content.bytes(), done("sendfile", file, 0, 1 << 20).bytes());
      assertArrayEquals(content.bytes(60_000, 100), done("sendfile", file, 60_000, 100).bytes());
      assertArrayEquals(content.bytes(5, 4000), done("splice", file, 5, 4000).bytes());
      // Kernels differ in whether they copy between file systems by themselves.
      Path out = scratch().resolve("copied");
      Answer copied = sys().call("copyrange", file, out, 65_537);
      assertTrue(copied.isOk() || copied.errno().equals("EXDEV"), copied.toString());
      if (copied.isOk()) {
        assertArrayEquals(
            content.bytes(0, (int) copied.value()), Files.readAllBytes(out), "copy_file_range");
      }
      Files.deleteIfExists(out);
    }
  }

  @Test
  default void takesAdvice() {
    try (Descriptor file = sys().open(at("large"), "O_RDONLY")) {
      for (String advice :
          List.of(
              "POSIX_FADV_SEQUENTIAL",
              "POSIX_FADV_RANDOM",
              "POSIX_FADV_WILLNEED",
              "POSIX_FADV_DONTNEED")) {
        done("fadvise", file, advice);
        assertArrayEquals(
            content("large").bytes(777_777, 5000), done("pread", file, 5000, 777_777).bytes());
      }
      done("readahead", file, 1 << 20, 1 << 20);
      long ready = done("poll", file).value();
      assertEquals(sys().constant("POLLIN"), ready & sys().constant("POLLIN"));
    }
  }

  @Test
  default void locks() {
    try (Descriptor one = sys().open(at("sizes/1"), "O_RDONLY");
        Descriptor two = sys().open(at("sizes/1"), "O_RDONLY")) {
      done("flock", one, "LOCK_SH");
      done("flock", two, "LOCK_SH|LOCK_NB");
      refused("EAGAIN", "flock", two, "LOCK_EX|LOCK_NB");
      done("flock", one, "LOCK_UN");
      done("flock", two, "LOCK_EX|LOCK_NB");
      refused("EAGAIN", "flock", one, "LOCK_SH|LOCK_NB");
      done("flock", two, "LOCK_UN");
      done("lock", one, "F_SETLK", "F_RDLCK");
      refused("EBADF", "lock", one, "F_SETLK", "F_WRLCK");
      done("lock", one, "F_OFD_SETLK", "F_RDLCK");
      done("lock", two, "F_OFD_SETLK", "F_RDLCK");
    }
  }

  @Test
  default void servesManyReadersAtOnce() throws Exception {
    long seed = Long.getLong("larder.seed", System.nanoTime());
    ExecutorService readers = Executors.newFixedThreadPool(16);
    try {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        Random random = new Random(seed + i);
        boolean isShared = i % 2 == 0;
        all.add(
            readers.submit(() -> {
              readAtRandom(random, isShared ? "large" : "other");
              return null;
            }));
      }
      for (Future<?> each : all) {
        each.get();
      }
    } catch (Exception e) {
      throw new AssertionError("-Dlarder.seed=" + seed, e);
    } finally {
      readers.shutdownNow();
    }
  }

  private void readAtRandom(Random random, String path) throws IOException {
    Content content = content(path);
    try (FileChannel file = FileChannel.open(at(path))) {
      for (int i = 0; i < 150; i++) {
        long place = random.nextLong(content.size());
        ByteBuffer seen = ByteBuffer.allocate(1 + random.nextInt(60_000));
        int length = 0;
        for (int n = file.read(seen, place); n > 0; n = file.read(seen, place + length)) {
          length += n;
        }
        assertArrayEquals(
            content.bytes(place, seen.capacity()),
            Arrays.copyOf(seen.array(), length),
            path + " at " + place);
      }
    }
  }
}
