package dev.larder.keeper;

import dev.larder.fuse.Init;
import dev.larder.fuse.Layout;
import dev.larder.fuse.SharedState;
import dev.larder.linux.Errno;
import dev.larder.linux.FuseDevice;
import dev.larder.linux.FuseMount;
import dev.larder.linux.LinuxException;
import dev.larder.linux.Message;
import dev.larder.linux.MountFd;
import dev.larder.linux.NativeBuffer;
import dev.larder.linux.Poller;
import dev.larder.linux.SharedMemory;
import dev.larder.protocol.LarderException;
import java.lang.foreign.MemorySegment;

/**
 * The node's FUSE connection: its device and the memory that keeper and agent share.
 *
 * <p><b>Threads:</b> any. <b>Ownership:</b> closes device and memory; the connection lives on while
 * an agent holds the device.
 */
final class FuseConnection implements AutoCloseable {
  private static final int INIT_MILLIS = 10_000;
  private static final int MAX_READ_BYTES = 1 << 20;
  private static final int BUFFER_BYTES = Layout.REQUEST_BYTES;

  private final FuseDevice device;
  private final SharedMemory memory;
  private final SharedState shared;

  private FuseConnection(FuseDevice device, SharedMemory memory, SharedState shared) {
    this.device = device;
    this.memory = memory;
    this.shared = shared;
  }

  /** A new connection and its mount, which is attached nowhere yet. */
  record Fresh(FuseConnection connection, MountFd mount) implements AutoCloseable {
    @Override
    public void close() {
      mount.close();
    }
  }

  /** Mounts, and agrees with the kernel on how to speak. */
  static Fresh create(KeeperConfig config) throws LinuxException {
    SharedMemory memory =
        SharedMemory.create("larder-fuse", Layout.bytes(config.slots(), config.rowsMax()));
    FuseDevice device = null;
    MountFd mount = null;
    try {
      int pid = (int) ProcessHandle.current().pid();
      SharedState shared =
          SharedState.format(memory.memory(), config.slots(), config.rowsMax(), pid);
      memory.lock(shared.slotsOffset(), shared.slotsBytes());
      device = FuseDevice.open();
      mount = new FuseMount("larder", "larder", 0700, true, true, MAX_READ_BYTES).of(device);
      shared.putInit(negotiate(device, Init.Wishes.of(config.passthrough(), config.slots())));
      return new Fresh(new FuseConnection(device, memory, shared), mount);
    } catch (LinuxException | RuntimeException e) {
      memory.close();
      if (device != null) {
        device.close();
      }
      if (mount != null) {
        mount.close();
      }
      throw e;
    }
  }

  /**
   * Takes over what another process made: the first two descriptors of a message.
   *
   * @throws LinuxException EINVAL for descriptors that are no such things, EPROTO without them
   */
  static FuseConnection adopt(Message message) throws LinuxException {
    FuseDevice device = FuseDevice.adopt(message.take());
    SharedMemory memory = null;
    try {
      memory = SharedMemory.attach(message.take());
      // Only a device of a mounted connection can be cloned.
      device.newClone().close();
      SharedState shared = SharedState.open(memory.memory());
      if (shared.init().isEmpty()) {
        throw new LinuxException("adopt", "FUSE connection", Errno.EINVAL, "it is not set up");
      }
      memory.lock(shared.slotsOffset(), shared.slotsBytes());
      shared.putKeeperPid((int) ProcessHandle.current().pid());
      return new FuseConnection(device, memory, shared);
    } catch (LinuxException | RuntimeException e) {
      device.close();
      if (memory != null) {
        memory.close();
      }
      if (e instanceof LarderException) {
        String why = String.valueOf(e.getMessage());
        throw new LinuxException("adopt", "shared memory", Errno.EINVAL, why);
      }
      throw e;
    }
  }

  private static Init.Outcome negotiate(FuseDevice device, Init.Wishes wishes)
      throws LinuxException {
    try (NativeBuffer buffer = NativeBuffer.locked(BUFFER_BYTES + Init.REPLY_BYTES_MAX)) {
      MemorySegment request = buffer.memory().asSlice(0, BUFFER_BYTES);
      MemorySegment reply = buffer.memory().asSlice(BUFFER_BYTES);
      while (true) {
        if (!device.fd().awaitReadable(INIT_MILLIS)) {
          throw new LinuxException("FUSE INIT", "kernel", Errno.ETIMEDOUT);
        }
        long length =
            LinuxException.check(device.fd().read(request, 0, BUFFER_BYTES), "read", "/dev/fuse");
        Init.Answer answer = Init.answer(request, 0, length, reply, wishes);
        if (answer.replyBytes() > 0) {
          LinuxException.check(
              device.fd().write(reply, 0, answer.replyBytes()), "write", "/dev/fuse");
        }
        switch (answer) {
          case Init.Answer.Done(int _, Init.Outcome outcome) -> {
            return outcome;
          }
          case Init.Answer.Again _ -> {}
          case Init.Answer.Refused(int _, String reason) ->
              throw new LinuxException("FUSE INIT", "kernel", Errno.EOPNOTSUPP, reason);
        }
      }
    }
  }

  FuseDevice device() {
    return device;
  }

  SharedMemory memory() {
    return memory;
  }

  /** Version of what is in the memory. */
  int layout() {
    return shared.version();
  }

  SharedState shared() {
    return shared;
  }

  /** False once it was aborted or unmounted, for good. */
  boolean isAlive() throws LinuxException {
    Poller poller = new Poller(1);
    poller.set(0, device.fd(), 0);
    int unused = poller.await(0);
    return (poller.events(0) & (Poller.ERR | Poller.HUP)) == 0;
  }

  @Override
  public void close() {
    device.close();
    memory.close();
  }
}
