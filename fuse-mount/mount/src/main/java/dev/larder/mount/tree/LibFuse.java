package dev.larder.mount.tree;

import jnr.ffi.Pointer;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import jnr.ffi.byref.IntByReference;
import jnr.ffi.byref.PointerByReference;
import jnr.ffi.types.size_t;
import org.jspecify.annotations.Nullable;

/**
 * The calls of libfuse 2.6 to 2.9 that a mount needs. jnr-fuse's own way, {@code fuse_main}, starts
 * threads without a bound, takes over signals of the process and cannot say whether a mount worked;
 * so the mount, the session and its threads are handled one by one.
 *
 * <p>Public because the generated class that implements it lives elsewhere.
 */
public interface LibFuse {
  int fuse_version();

  /**
   * Mounts and makes the session; null on failure, told on standard error. ({@code fuse_mount} and
   * {@code fuse_new} by themselves cannot be had: of {@code fuse_new} dlsym finds the oldest
   * version.)
   *
   * @param mountpoint gets the path, to be freed
   * @param multithreaded gets a number that is of no use here
   */
  @Nullable Pointer fuse_setup(
      int argc,
      @In String[] argv,
      Pointer operations,
      @size_t long size,
      @Out PointerByReference mountpoint,
      @Out IntByReference multithreaded,
      @Nullable Pointer data);

  /** Gives signals back that setup may have taken over. */
  void fuse_remove_signal_handlers(Pointer session);

  Pointer fuse_get_session(Pointer fuse);

  Pointer fuse_session_next_chan(Pointer session, @Nullable Pointer channel);

  @size_t
  long fuse_chan_bufsize(Pointer channel);

  /** Waits for a request; its length, 0 when the session ended, or a negative errno. */
  int fuse_chan_recv(PointerByReference channel, Pointer buffer, @size_t long size);

  /** Answers a request by calling the operations on this thread. */
  void fuse_session_process(Pointer session, Pointer buffer, @size_t long size, Pointer channel);

  void fuse_session_exit(Pointer session);

  int fuse_session_exited(Pointer session);

  /** Closes the channel; unmounts the path unless that happened already. */
  void fuse_unmount(String mountpoint, Pointer channel);

  void fuse_destroy(Pointer fuse);

  /** C's own. */
  void free(Pointer memory);

  /** Within an operation: whether the process that asked wants no answer any more. */
  int fuse_interrupted();
}
