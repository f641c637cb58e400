package dev.larder.fuse;

import dev.larder.fuse.frame.InitFlags;
import dev.larder.fuse.frame.InitReply;
import dev.larder.fuse.frame.InitRequest;
import dev.larder.fuse.frame.Opcode;
import dev.larder.fuse.frame.ReplyHeader;
import dev.larder.fuse.frame.RequestHeader;
import java.lang.foreign.MemorySegment;

/**
 * The first exchange of a connection: version and abilities. Pure; the keeper reads the request,
 * writes the reply and, when the connection is set up, records the outcome.
 */
public final class Init {
  /** The protocol's major version, the same for all kernels since 2.6.16. */
  public static final int MAJOR = 7;

  /** The newest minor version whose rules we know. */
  public static final int MINOR = 45;

  /** Linux 5.4. Older kernels lack what data-only layers build on by far. */
  public static final int MINOR_MIN = 31;

  /** Most bytes of a reply. */
  public static final int REPLY_BYTES_MAX = ReplyHeader.BYTES + InitReply.BYTES;

  /** Nothing is written here; the kernel wants no less. It keeps requests within a slot. */
  static final int MAX_WRITE_BYTES = 4096;

  /** 1 MiB, what kernels allow unless told otherwise. */
  static final int MAX_PAGES = 256;

  /** What a connection without MAX_PAGES has. */
  static final int MAX_PAGES_OLD = 32;

  /** More than the kernel offers by itself; it takes the smaller. */
  static final int MAX_READAHEAD_BYTES = 1 << 20;

  /** The backing file lies on a plain file system, with this mount the only one above it. */
  static final int STACK_DEPTH = 1;

  private static final int EPROTO = 71;
  private static final int EINVAL = 22;
  private static final int TIME_NANOS = 1;

  /*
   * Left out on purpose: ASYNC_DIO (a reader in O_DIRECT could not be killed), EXPORT_SUPPORT,
   * WRITEBACK_CACHE (the kernel would ignore PASSTHROUGH), AUTO_INVAL_DATA (a file's bytes never
   * change), HAS_RESEND (requests are found in the slots, never sent twice), REQUEST_TIMEOUT
   * (expiry aborts the whole connection), CACHE_SYMLINKS (there are none).
   */
  private static final long WANTED =
      InitFlags.ASYNC_READ
          | InitFlags.DO_READDIRPLUS
          | InitFlags.READDIRPLUS_AUTO
          | InitFlags.PARALLEL_DIROPS
          | InitFlags.ABORT_ERROR
          | InitFlags.MAX_PAGES
          | InitFlags.EXPLICIT_INVAL_DATA
          | InitFlags.INIT_EXT
          | InitFlags.NO_EXPORT_SUPPORT;

  private Init() {}

  /**
   * What we ask for.
   *
   * @param passthrough whether the kernel may read sealed files by itself ({@code
   *     mount.passthrough})
   * @param background requests nobody waits for that the kernel sends at once; at most 65,535
   */
  public record Wishes(boolean passthrough, int background) {

    /** Wishes that leave half of the slots to requests somebody waits for. */
    public static Wishes of(boolean passthrough, int slots) {
      return new Wishes(passthrough, Math.clamp(slots / 2, 4, 0xffff));
    }
  }

  /**
   * What was agreed on.
   *
   * @param minor the lower of the two minor versions
   * @param flags see {@link InitFlags}
   * @param maxPages pages of one request
   * @param maxReadaheadBytes what the kernel reads ahead until its backing device says otherwise
   * @param maxStackDepth 0 without passthrough
   */
  public record Outcome(
      int minor,
      long flags,
      int maxPages,
      int maxWriteBytes,
      int maxReadaheadBytes,
      int maxStackDepth) {

    /** Whether the kernel can be given files to read by itself. */
    public boolean isPassthrough() {
      return (flags & InitFlags.PASSTHROUGH) != 0;
    }

    /** Most bytes of one READ. */
    public int maxReadBytes() {
      return maxPages * 4096;
    }
  }

  /** What to do with a frame read before the connection was set up. */
  public sealed interface Answer {
    /** Bytes of the reply to be written, 0 for none. */
    int replyBytes();

    /** The connection is set up once the reply was written. */
    record Done(int replyBytes, Outcome outcome) implements Answer {}

    /** The kernel will ask again with our major version. */
    record Again(int replyBytes) implements Answer {}

    /** This kernel cannot be served; the mount fails with the reply's error. */
    record Refused(int replyBytes, String reason) implements Answer {}
  }

  /**
   * Answers the first request of a connection.
   *
   * @param request the frame as it was read
   * @param at where it begins
   * @param length its bytes
   * @param reply at least {@link #REPLY_BYTES_MAX} bytes, written from their beginning
   */
  public static Answer answer(
      MemorySegment request, long at, long length, MemorySegment reply, Wishes wishes) {
    if (length < RequestHeader.BYTES) {
      return new Answer.Refused(0, "a frame of " + length + " bytes is no request");
    }
    long unique = RequestHeader.unique(request, at);
    if (RequestHeader.opcode(request, at) != Opcode.INIT) {
      return refuse(
          reply,
          unique,
          EPROTO,
          "the first request has opcode " + RequestHeader.opcode(request, at));
    }
    long body = at + RequestHeader.BYTES;
    long bodyBytes = length - RequestHeader.BYTES;
    if (bodyBytes < InitRequest.BYTES_OLD || RequestHeader.len(request, at) != length) {
      return refuse(reply, unique, EINVAL, "INIT of " + length + " bytes");
    }
    int major = InitRequest.major(request, body);
    int minor = InitRequest.minor(request, body);
    String version = "FUSE " + Integer.toUnsignedString(major) + "." + minor;
    if (Integer.compareUnsigned(major, MAJOR) > 0) {
      InitReply.begin(reply, ReplyHeader.BYTES, MAJOR, MINOR);
      ReplyHeader.put(reply, 0, REPLY_BYTES_MAX, 0, unique);
      return new Answer.Again(REPLY_BYTES_MAX);
    }
    if (major != MAJOR || Integer.compareUnsigned(minor, MINOR_MIN) < 0) {
      return refuse(
          reply,
          unique,
          EPROTO,
          "the kernel speaks " + version + "; 7." + MINOR_MIN + " is needed");
    }
    Outcome outcome =
        agree(
            Integer.compareUnsigned(minor, MINOR) < 0 ? minor : MINOR,
            InitRequest.flags(request, body, bodyBytes >= InitRequest.BYTES),
            InitRequest.maxReadahead(request, body),
            wishes);
    write(reply, unique, outcome, wishes);
    return new Answer.Done(REPLY_BYTES_MAX, outcome);
  }

  private static Outcome agree(int minor, long offered, int readahead, Wishes wishes) {
    long flags = offered & WANTED;
    boolean extended = (flags & InitFlags.INIT_EXT) != 0;
    boolean passthrough =
        wishes.passthrough() && extended && (offered & InitFlags.PASSTHROUGH) != 0;
    if (passthrough) {
      flags |= InitFlags.PASSTHROUGH;
    }
    int maxPages = (flags & InitFlags.MAX_PAGES) != 0 ? MAX_PAGES : MAX_PAGES_OLD;
    int maxReadahead =
        Integer.compareUnsigned(readahead, MAX_READAHEAD_BYTES) < 0
            ? readahead
            : MAX_READAHEAD_BYTES;
    return new Outcome(
        minor, flags, maxPages, MAX_WRITE_BYTES, maxReadahead, passthrough ? STACK_DEPTH : 0);
  }

  private static void write(MemorySegment reply, long unique, Outcome outcome, Wishes wishes) {
    long at = ReplyHeader.BYTES;
    InitReply.begin(reply, at, MAJOR, outcome.minor());
    InitReply.flags(reply, at, outcome.flags());
    InitReply.sizes(reply, at, outcome.maxReadaheadBytes(), outcome.maxWriteBytes());
    InitReply.background(reply, at, wishes.background(), wishes.background() * 3 / 4);
    InitReply.timeGranularity(reply, at, TIME_NANOS);
    if ((outcome.flags() & InitFlags.MAX_PAGES) != 0) {
      InitReply.maxPages(reply, at, outcome.maxPages());
    }
    InitReply.maxStackDepth(reply, at, outcome.maxStackDepth());
    ReplyHeader.put(reply, 0, REPLY_BYTES_MAX, 0, unique);
  }

  private static Answer refuse(MemorySegment reply, long unique, int errno, String reason) {
    ReplyHeader.put(reply, 0, ReplyHeader.BYTES, -errno, unique);
    return new Answer.Refused(ReplyHeader.BYTES, reason);
  }
}
