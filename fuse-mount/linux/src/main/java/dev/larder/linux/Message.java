package dev.larder.linux;

import java.util.ArrayList;
import java.util.List;

/**
 * One message of a {@link SeqPacketSocket}: its bytes and the descriptors that came with it.
 *
 * <p><b>Ownership:</b> {@link #close} closes every descriptor that was not taken. <b>Threads:</b>
 * one.
 */
public final class Message implements AutoCloseable {
  private final byte[] bytes;
  private final List<Fd> descriptors;

  Message(byte[] bytes, List<Fd> descriptors) {
    this.bytes = bytes;
    this.descriptors = new ArrayList<>(descriptors);
  }

  /** The bytes; not copied. */
  public byte[] bytes() {
    return bytes;
  }

  /** How many descriptors are left to take. */
  public int descriptors() {
    return descriptors.size();
  }

  /**
   * Takes the first descriptor that is left into the caller's ownership.
   *
   * @throws LinuxException EPROTO when none is left
   */
  public Fd take() throws LinuxException {
    if (descriptors.isEmpty()) {
      throw new LinuxException("receive", "message", Errno.EPROTO, "a descriptor is missing");
    }
    return descriptors.removeFirst();
  }

  @Override
  public void close() {
    descriptors.forEach(Fd::close);
    descriptors.clear();
  }
}
