package dev.larder.mount.tree;

import jnr.ffi.Pointer;
import jnr.ffi.annotations.Delegate;
import jnr.ffi.types.off_t;
import jnr.ffi.types.size_t;
import org.jspecify.annotations.Nullable;

/**
 * What libfuse calls. jnr-fuse's own interfaces take paths as strings, which lose names that are no
 * UTF-8; these take them as they are. Public because the generated classes live elsewhere.
 */
public final class Callbacks {
  private Callbacks() {}

  /** An operation that a read-only mount refuses, whatever its other arguments are. */
  public interface Refuse {
    @Delegate
    int refuse(Pointer path);
  }

  /** getattr, statfs. */
  public interface Fill {
    @Delegate
    int fill(Pointer path, Pointer out);
  }

  /** open, release, opendir, releasedir. */
  public interface Handle {
    @Delegate
    int handle(Pointer path, Pointer info);
  }

  /** readlink, listxattr. */
  public interface Text {
    @Delegate
    int text(Pointer path, Pointer out, @size_t long size);
  }

  /** getxattr. */
  public interface Attribute {
    @Delegate
    int attribute(Pointer path, Pointer name, Pointer out, @size_t long size);
  }

  /** access. */
  public interface Access {
    @Delegate
    int access(Pointer path, int mask);
  }

  /** read. */
  public interface Read {
    @Delegate
    int read(Pointer path, Pointer out, @size_t long size, @off_t long offset, Pointer info);
  }

  /** readdir. */
  public interface ReadDirectory {
    @Delegate
    int read(Pointer path, Pointer out, Pointer filler, @off_t long offset, Pointer info);
  }

  /** libfuse's function that takes a directory's entries; not 0 when its room is used up. */
  public interface Filler {
    @Delegate
    int fill(Pointer out, Pointer name, Pointer stat, @off_t long offset);
  }

  /** init; what it returns goes to destroy. */
  public interface Init {
    @Delegate
    @Nullable Pointer init(Pointer connection);
  }
}
