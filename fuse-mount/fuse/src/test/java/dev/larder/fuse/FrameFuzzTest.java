package dev.larder.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.fuse.TestBlobs.Manner;
import dev.larder.fuse.frame.Opcode;
import dev.larder.fuse.frame.ReadRequest;
import dev.larder.fuse.frame.ReplyHeader;
import dev.larder.fuse.frame.RequestHeader;
import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import dev.larder.linux.Message;
import dev.larder.linux.SeqPacketSocket;
import dev.larder.protocol.BlobKey;
import dev.larder.testkit.Seeds;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Frames no kernel would send, by a socket in place of the device: like it, it keeps boundaries.
 * One reader, so that answers come in order.
 */
class FrameFuzzTest {
  private static final FuseConfig CONFIG =
      new FuseConfig(16, 1024, 1, 8, 8L << 20, 8, Duration.ofSeconds(60), true);
  private static final int SIZE = 10_000;
  private static final int NO_REPLY = Integer.MAX_VALUE;

  @TempDir private Path dir;
  private final AtomicReference<Throwable> fatal = new AtomicReference<>();
  private SeqPacketSocket kernel;
  private SeqPacketSocket device;
  private SharedState state;
  private FuseServer server;
  private BlobKey key;
  private long unique = 2;

  @BeforeEach
  void serve() throws Exception {
    TestBlobs blobs = new TestBlobs(dir, 0);
    key = blobs.add(7, Manner.LOCAL, SIZE);
    List<SeqPacketSocket> pair = SeqPacketSocket.pair();
    kernel = pair.get(0);
    device = pair.get(1);
    state = SharedState.format(Memories.zeros(16, 1024), 16, 1024, 1);
    state.putInit(new Init.Outcome(45, 0, 256, 4096, 0, 0));
    Backings none =
        new Backings() {
          @Override
          public int open(Fd file) {
            throw new AssertionError("no passthrough was agreed on");
          }

          @Override
          public void close(int id) {}

          @Override
          public boolean invalidate(long nodeId) {
            throw new AssertionError("nothing is invalidated");
          }

          @Override
          public void dropNames() throws LinuxException {
            throw new LinuxException("DROP_NAMES", "test", 95);
          }
        };
    server = new FuseServer(CONFIG, device.fd(), state, blobs, none, fatal::set);
    server.start();
  }

  @AfterEach
  void close() throws Exception {
    kernel.close();
    server.end().get();
    server.close();
    device.close();
    assertEquals(null, fatal.get());
  }

  @Test
  void everyOpcodeWithNothingBehindItsHeader() throws Exception {
    for (int opcode = 0; opcode < 70; opcode++) {
      int result = ask(opcode, 1, new byte[0]);
      switch (opcode) {
        case Opcode.FORGET, Opcode.BATCH_FORGET, Opcode.INTERRUPT, Opcode.NOTIFY_REPLY ->
            assertEquals(NO_REPLY, result, "opcode " + opcode);
        case Opcode.STATFS, Opcode.DESTROY -> assertEquals(0, result, "opcode " + opcode);
        default ->
            assertTrue(
                result == Errno.EINVAL || result == Errno.EROFS || result == Errno.ENOSYS,
                "opcode " + opcode + ": " + result);
      }
    }
  }

  @Test
  void opcodesOfEachKind() throws Exception {
    byte[] zeros = new byte[64];
    for (int opcode :
        new int[] {
          Opcode.SETATTR,
          Opcode.SYMLINK,
          Opcode.MKNOD,
          Opcode.MKDIR,
          Opcode.UNLINK,
          Opcode.RMDIR,
          Opcode.RENAME,
          Opcode.LINK,
          Opcode.WRITE,
          Opcode.SETXATTR,
          Opcode.REMOVEXATTR,
          Opcode.CREATE,
          Opcode.FALLOCATE,
          Opcode.RENAME2,
          Opcode.COPY_FILE_RANGE,
          Opcode.TMPFILE
        }) {
      assertEquals(Errno.EROFS, ask(opcode, 1, zeros), "opcode " + opcode);
    }
    for (int opcode :
        new int[] {
          0,
          Opcode.FLUSH,
          Opcode.GETXATTR,
          Opcode.LISTXATTR,
          Opcode.POLL,
          Opcode.INIT,
          Opcode.SYNCFS,
          31,
          32,
          33,
          37,
          48,
          49,
          54,
          4096,
          -1
        }) {
      assertEquals(Errno.ENOSYS, ask(opcode, 1, zeros), "opcode " + opcode);
    }
    for (int opcode :
        new int[] {
          Opcode.ACCESS, Opcode.FSYNC, Opcode.FSYNCDIR, Opcode.RELEASEDIR, Opcode.RELEASE,
          Opcode.OPENDIR, Opcode.GETATTR, Opcode.STATX, Opcode.STATFS, Opcode.DESTROY
        }) {
      assertEquals(0, ask(opcode, 1, zeros), "opcode " + opcode);
    }
    assertEquals(Errno.EINVAL, ask(Opcode.READLINK, 1, zeros));
    assertEquals(Errno.ENOTTY, ask(Opcode.IOCTL, 1, zeros));
    assertEquals(Errno.EISDIR, ask(Opcode.OPEN, 1, zeros));
    assertEquals(Errno.EISDIR, ask(Opcode.READ, 1, zeros));
    assertEquals(Errno.EISDIR, ask(Opcode.LSEEK, 1, zeros));
    assertEquals(Errno.EROFS, ask(Opcode.ACCESS, 1, new byte[] {2, 0, 0, 0, 0, 0, 0, 0}));
    long file = lookup();
    assertEquals(Errno.EROFS, ask(Opcode.OPEN, file, new byte[] {1, 0, 0, 0, 0, 0, 0, 0}));
    assertEquals(Errno.ENOTDIR, ask(Opcode.OPENDIR, file, zeros));
    assertEquals(Errno.ENOTDIR, ask(Opcode.READDIR, file, zeros));
    assertEquals(
        Errno.ENOTDIR, ask(Opcode.LOOKUP, file, "x\0".getBytes(StandardCharsets.US_ASCII)));
    for (int opcode :
        new int[] {
          Opcode.OPEN,
          Opcode.READ,
          Opcode.GETATTR,
          Opcode.STATX,
          Opcode.OPENDIR,
          Opcode.READDIR,
          Opcode.LSEEK
        }) {
      assertEquals(Errno.ESTALE, ask(opcode, 0, zeros), "opcode " + opcode);
      assertEquals(Errno.ESTALE, ask(opcode, -1, zeros), "opcode " + opcode);
      assertEquals(Errno.ESTALE, ask(opcode, file | 1L << 32, zeros), "opcode " + opcode);
    }
    assertEquals(0, server.stats().malformed());
  }

  @Test
  void readsAtTheEdges() throws Exception {
    long file = lookup();
    assertEquals(0, ask(Opcode.OPEN, file, new byte[8]));
    assertEquals(SIZE, read(file, 0, 1 << 20));
    assertEquals(1, read(file, SIZE - 1, 1));
    assertEquals(0, read(file, SIZE, 100));
    assertEquals(0, read(file, Long.MAX_VALUE, 100));
    assertEquals(0, read(file, 0, 0));
    assertEquals(SIZE, read(file, 0, Integer.MAX_VALUE), "capped by the file's end");
    assertEquals(-Errno.EINVAL, read(file, -1, 100));
    assertEquals(-Errno.EINVAL, read(file, Long.MIN_VALUE, 100));
    assertEquals(-Errno.EINVAL, read(file, 0, -1));
    assertEquals(0, ask(Opcode.RELEASE, file, new byte[24]));
    assertEquals(0, ask(Opcode.RELEASE, file, new byte[24]), "twice does no harm");
    assertEquals(0, state.rows().opens((int) file));
    assertEquals(SIZE, read(file, 0, 1 << 20), "even after the release");
    FuseServerTest.awaitTrue(() -> server.stats().openFiles() == 0);
  }

  @Test
  void namesThatAreNone() throws Exception {
    assertEquals(Errno.EINVAL, ask(Opcode.LOOKUP, 1, name("ab", false)));
    assertEquals(Errno.EINVAL, ask(Opcode.LOOKUP, 1, name("a\0b", true)));
    assertEquals(Errno.EINVAL, ask(Opcode.LOOKUP, 1, name("", true)));
    assertEquals(Errno.ENOENT, ask(Opcode.LOOKUP, 1, name("x".repeat(255), true)));
    assertEquals(Errno.ENAMETOOLONG, ask(Opcode.LOOKUP, 1, name("x".repeat(256), true)));
    assertEquals(Errno.ENAMETOOLONG, ask(Opcode.LOOKUP, 1, name("x".repeat(4095), true)));
    assertEquals(0, ask(Opcode.LOOKUP, 1, name("ab", true)));
  }

  @Test
  void lengthsThatLie() throws Exception {
    byte[] frame = frame(Opcode.GETATTR, 1, new byte[16]);
    for (int claimed : new int[] {0, 39, 40, 55, 57, 8192, 8193, -1}) {
      MemorySegment.ofArray(frame)
          .set(java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED, 0, claimed);
      assertEquals(Errno.EINVAL, ask(frame), "claimed " + claimed);
    }
    for (int length = 1; length < 40; length++) {
      byte[] cut = Arrays.copyOf(frame(Opcode.GETATTR, 1, new byte[0]), length);
      assertEquals(length < 9 ? NO_REPLY : Errno.EINVAL, ask(cut), "length " + length);
    }
    // A batch that promises more than it has.
    byte[] batch = new byte[8 + 16];
    batch[0] = 2;
    assertEquals(NO_REPLY, ask(Opcode.BATCH_FORGET, 0, batch));
    batch[3] = (byte) 0xff;
    assertEquals(NO_REPLY, ask(Opcode.BATCH_FORGET, 0, batch));
    assertTrue(server.stats().malformed() > 40);
  }

  @Test
  void anyBytesAtAll() throws Exception {
    long file = lookup();
    Seeds.run(random -> {
      for (int i = 0; i < 30_000; i++) {
        byte[] bytes = new byte[1 + random.nextInt(random.nextInt(8) == 0 ? 8192 : 200)];
        random.nextBytes(bytes);
        if (bytes.length >= 40 && random.nextInt(10) > 0) {
          int opcode = random.nextInt(56);
          long node = node(random, file);
          RequestHeader.put(
              MemorySegment.ofArray(bytes), 0, bytes.length, opcode, unique += 2, node);
          if (random.nextBoolean()) {
            Arrays.fill(bytes, 40, bytes.length, (byte) (random.nextInt(3) - 1));
          }
        }
        kernel.send(bytes, List.of(), -1);
        drain();
      }
    });
    // Still there, and the reader still answers in order.
    drainAll();
    assertEquals(0, ask(Opcode.LOOKUP, 1, name("ab", true)));
    assertEquals(0, server.stats().faults(), server.stats().toString());
    assertFalse(server.end().isDone());
  }

  private static long node(Random random, long file) {
    return switch (random.nextInt(5)) {
      case 0 -> file;
      case 1 -> 1;
      case 2 -> 2 + random.nextInt(256);
      case 3 -> random.nextInt(2000);
      default -> random.nextLong();
    };
  }

  private long lookup() throws IOException {
    String folder = key.folder();
    assertEquals(0, ask(Opcode.LOOKUP, 1, name(folder, true)));
    long parent = 2 + Integer.parseInt(folder, 16);
    assertEquals(0, ask(Opcode.LOOKUP, parent, name(key.fileName(), true)));
    return Layout.ROW_KEYS;
  }

  private int read(long node, long offset, int size) throws IOException {
    byte[] body = new byte[ReadRequest.BYTES];
    ReadRequest.put(MemorySegment.ofArray(body), 0, 0, offset, size);
    kernel.send(frame(Opcode.READ, node, body), List.of(), -1);
    try (Message reply = receive(-1)) {
      MemorySegment bytes = MemorySegment.ofArray(reply.bytes());
      int error = ReplyHeader.error(bytes, 0);
      if (error != 0) {
        return error;
      }
      int length = reply.bytes().length - ReplyHeader.BYTES;
      Content.check(7, offset, java.nio.ByteBuffer.wrap(reply.bytes(), ReplyHeader.BYTES, length));
      return length;
    }
  }

  private static byte[] name(String name, boolean isEnded) {
    return (isEnded ? name + "\0" : name).getBytes(StandardCharsets.US_ASCII);
  }

  private byte[] frame(int opcode, long node, byte[] body) {
    byte[] bytes = new byte[RequestHeader.BYTES + body.length];
    unique += 2;
    RequestHeader.put(MemorySegment.ofArray(bytes), 0, bytes.length, opcode, unique, node);
    System.arraycopy(body, 0, bytes, RequestHeader.BYTES, body.length);
    return bytes;
  }

  private int ask(int opcode, long node, byte[] body) throws IOException {
    return ask(frame(opcode, node, body));
  }

  /** The errno answered, or NO_REPLY: then the next question is answered first. */
  private int ask(byte[] frame) throws IOException {
    kernel.send(frame, List.of(), -1);
    long asked = frame.length >= 16 ? RequestHeader.unique(MemorySegment.ofArray(frame), 0) : -1;
    byte[] probe = frame(Opcode.STATFS, 1, new byte[0]);
    kernel.send(probe, List.of(), -1);
    try (Message first = receive(-1)) {
      MemorySegment reply = MemorySegment.ofArray(first.bytes());
      assertEquals(first.bytes().length, ReplyHeader.len(reply, 0));
      if (ReplyHeader.unique(reply, 0) == unique) {
        return NO_REPLY;
      }
      if (asked >= 0) {
        assertEquals(asked, ReplyHeader.unique(reply, 0));
      }
      try (Message second = receive(-1)) {
        assertEquals(unique, ReplyHeader.unique(MemorySegment.ofArray(second.bytes()), 0));
      }
      return -ReplyHeader.error(reply, 0);
    }
  }

  private Message receive(int timeoutMillis) throws IOException {
    Message message = kernel.receive((1 << 20) + 100, timeoutMillis);
    assertNotNull(message);
    return message;
  }

  private void drain() throws IOException {
    while (kernel.fd().awaitReadable(0)) {
      receive(0).close();
    }
  }

  private void drainAll() throws IOException {
    byte[] probe = frame(Opcode.STATFS, 1, new byte[0]);
    kernel.send(probe, List.of(), -1);
    while (true) {
      try (Message message = receive(-1)) {
        if (ReplyHeader.unique(MemorySegment.ofArray(message.bytes()), 0) == unique) {
          return;
        }
      }
    }
  }

  @Test
  void leavesNoSlotBehind() throws Exception {
    for (int i = 0; i < 100; i++) {
      int unused = ask(Opcode.GETATTR, 1, new byte[16]);
    }
    assertTrue(Files.exists(dir));
    FuseServerTest.awaitTrue(() -> state.slots().inFlight() == 0);
  }
}
