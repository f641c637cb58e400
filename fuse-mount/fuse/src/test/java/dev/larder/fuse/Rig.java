package dev.larder.fuse;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.larder.linux.Fd;
import dev.larder.linux.FsContext;
import dev.larder.linux.FuseDevice;
import dev.larder.linux.FuseMount;
import dev.larder.linux.LinuxException;
import dev.larder.linux.MountFd;
import dev.larder.linux.MountTable;
import dev.larder.linux.OverlayMount;
import dev.larder.linux.Processes;
import dev.larder.linux.SharedMemory;
import dev.larder.linux.Unmount;
import dev.larder.protocol.BlobKey;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A FUSE mount of the real kernel, held as a keeper would: device, shared memory, INIT. Servers
 * come and go.
 */
final class Rig implements AutoCloseable {
  private final FuseDevice device = FuseDevice.open();
  private final SharedMemory memory;
  private final SharedState state;
  private final MountFd mount;
  private final Path at;
  private boolean isAttached;

  /** Mounts at a fresh directory below {@code parent}. */
  Rig(Path parent, FuseConfig config) throws IOException {
    memory = SharedMemory.create("larder-test", Layout.bytes(config.slots(), config.rowsMax()));
    state =
        SharedState.format(
            memory.memory(), config.slots(), config.rowsMax(), (int) ProcessHandle.current().pid());
    memory.populate(state.slotsOffset(), state.slotsBytes());
    memory.lock(state.slotsOffset(), state.slotsBytes());
    mount = new FuseMount("larder-test", "larder", 0700, true, true, 1 << 20).of(device);
    Optional<Init.Outcome> outcome = Optional.empty();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment request = arena.allocate(Layout.REQUEST_BYTES, 8);
      MemorySegment reply = arena.allocate(Init.REPLY_BYTES_MAX, 8);
      long got = device.fd().read(request, 0, Layout.REQUEST_BYTES);
      Init.Answer answer =
          Init.answer(request, 0, got, reply, Init.Wishes.of(config.passthrough(), config.slots()));
      Init.Answer.Done done = assertInstanceOf(Init.Answer.Done.class, answer);
      LinuxException.check(device.fd().write(reply, 0, done.replyBytes()), "write", "INIT");
      outcome = Optional.of(done.outcome());
    }
    state.putInit(outcome.get());
    at = Files.createDirectory(parent.resolve("fuse"));
    mount.attach(at);
    isAttached = true;
  }

  /** Outside of CI a test without root is skipped; in CI it fails. */
  static void needsRoot() {
    boolean isRoot = Processes.effectiveUser() == 0 && Files.exists(Path.of("/dev/fuse"));
    if (!isRoot && "true".equals(System.getenv("CI"))) {
      throw new AssertionError("mounts need root and /dev/fuse");
    }
    assumeTrue(isRoot, "mounts need root and /dev/fuse");
  }

  FuseDevice device() {
    return device;
  }

  SharedMemory memory() {
    return memory;
  }

  SharedState state() {
    return state;
  }

  Path root() {
    return at;
  }

  Path path(BlobKey key) {
    return at.resolve(key.diskName());
  }

  /** Backings asked of the kernel directly, by a process that does not see the mount. */
  static Backings backings(FuseDevice device) {
    return backings(device, Path.of("/nonexistent"));
  }

  /** Backings asked of the kernel directly. */
  static Backings backings(FuseDevice device, Path at) {
    return new Backings() {
      @Override
      public int open(Fd file) throws LinuxException {
        return device.backingOpen(file);
      }

      @Override
      public void close(int id) throws LinuxException {
        device.backingClose(id);
      }

      @Override
      public boolean invalidate(long nodeId) throws LinuxException {
        return Invalidation.send(device.fd(), nodeId);
      }

      @Override
      public void dropNames() throws LinuxException {
        try (Fd root = Fd.openDirectory(at);
            FsContext context = FsContext.pick(root)) {
          FsContext unused = context.reconfigure();
        }
      }
    };
  }

  /** Backings of this mount. */
  Backings backings() {
    return backings(device, at);
  }

  /** A server in this process; the caller closes it, and starts no second one on this mount. */
  FuseServer serve(FuseConfig config, BlobNamespace blobs) {
    return serve(config, blobs, backings());
  }

  FuseServer serve(FuseConfig config, BlobNamespace blobs, Backings backings) {
    FuseServer server = new FuseServer(config, device.fd(), state, blobs, backings, Rig::fatal);
    server.start();
    return server;
  }

  /** Makes the kernel forget every inode nobody uses. */
  void dropNames() throws IOException {
    try (Fd root = Fd.openDirectory(at)) {
      OverlayMount.remount(root);
    }
  }

  /** The connection's number: the name of its directory in fusectl. */
  String connection() throws IOException {
    String device = MountTable.read().at(at).getFirst().device();
    return device.substring(device.indexOf(':') + 1);
  }

  /** It is unmounted already, but for what this holds. */
  void detach() {
    isAttached = false;
    mount.close();
  }

  @Override
  public void close() throws IOException {
    try {
      if (isAttached) {
        Unmount.forced(at);
      }
    } finally {
      mount.close();
      device.close();
      memory.close();
    }
  }

  private static void fatal(Throwable e) {
    throw new AssertionError("a fatal fault of the server", e);
  }
}
