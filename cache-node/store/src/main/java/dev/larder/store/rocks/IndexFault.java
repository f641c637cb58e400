package dev.larder.store.rocks;

import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;
import org.rocksdb.Status;

/** The index refused a call. Never leaves the store. */
public final class IndexFault extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What to do about it. */
  public enum Kind {
    /** Stored bytes are damaged. */
    CORRUPT,
    /** The volume is full. */
    NO_SPACE,
    /** The disk refuses. */
    IO,
    /** The index was closed. */
    CLOSED
  }

  private final Kind kind;

  /** A fault with its cause, if there is one. */
  public IndexFault(Kind kind, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  static IndexFault of(RocksDBException e) {
    Status status = e.getStatus();
    return new IndexFault(kindOf(status, e.getMessage()), "index: " + e.getMessage(), e);
  }

  static Kind kindOf(@Nullable Status status, @Nullable String message) {
    String text = message == null ? "" : message;
    if (text.contains("No space left") || text.contains("Disk quota exceeded")) {
      return Kind.NO_SPACE;
    }
    if (status == null) {
      return Kind.IO;
    }
    if (status.getSubCode() == Status.SubCode.NoSpace) {
      return Kind.NO_SPACE;
    }
    return switch (status.getCode()) {
      case Corruption, InvalidArgument, NotSupported, NotFound -> Kind.CORRUPT;
      case ShutdownInProgress -> Kind.CLOSED;
      // A table or manifest that is named but not there is damage, not a disk that refuses.
      case IOError -> text.contains("No such file") ? Kind.CORRUPT : Kind.IO;
      default -> Kind.IO;
    };
  }

  /** What to do about it. */
  public Kind kind() {
    return kind;
  }
}
