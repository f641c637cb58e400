package dev.larder.client;

import dev.larder.client.HttpLarderClient.ReadLimits;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Reads of one file: from the store's own file where the blob is sealed on this host, else by range
 * requests, of which one is kept open for whoever reads on where it stands.
 *
 * <p>Any thread. Lost connections are resumed at the byte reached, at most {@code attemptsMax}
 * times without progress.
 */
final class BlobReads implements AutoCloseable {
  private static final int COPY_BYTES = 64 << 10;
  private static final long BACKOFF_MILLIS_MIN = 20;
  private static final long BACKOFF_MILLIS_MAX = 2_000;

  private final Http http;
  private final Watchdog watchdog;
  private final ReadLimits limits;
  private final RemoteEntry entry;
  private final AtomicReference<@Nullable FileChannel> direct;
  private final AtomicReference<@Nullable RangeStream> parked = new AtomicReference<>();
  private final AtomicLong lastEnd = new AtomicLong();
  private final AtomicReference<@Nullable WholeFile> whole = new AtomicReference<>();

  /** Whether a file of the store may be opened once it is whole. */
  private final boolean mayOpen;

  private volatile String intent = "random";
  private volatile boolean closed;

  BlobReads(
      Http http,
      Watchdog watchdog,
      ReadLimits limits,
      RemoteEntry entry,
      boolean mayOpen,
      @Nullable FileChannel direct) {
    this.http = http;
    this.watchdog = watchdog;
    this.limits = limits;
    this.entry = entry;
    this.mayOpen = mayOpen;
    this.direct = new AtomicReference<>(direct);
  }

  RemoteEntry entry() {
    return entry;
  }

  boolean isDirect() {
    return direct.get() != null;
  }

  /** Says that all of the file will be read, or that it will be read in order. */
  void intend(String word) {
    intent = word;
  }

  /** See {@link RemoteFile#read(ByteBuffer, long)}. */
  int read(ByteBuffer target, long offset) {
    checkOpen();
    if (offset < 0) {
      throw new LarderException(ErrorCode.BAD_RANGE, "offset " + offset + " is negative");
    }
    if (offset >= entry.sizeBytes()) {
      return -1;
    }
    if (!target.hasRemaining()) {
      return 0;
    }
    FileChannel file = direct.get();
    if (file != null) {
      return readFile(file, target, offset);
    }
    if (Blocks.isSmall(entry.sizeBytes())) {
      byte[] content = whole().content();
      int count = (int) Math.min(target.remaining(), content.length - offset);
      target.put(content, (int) offset, count);
      return count;
    }
    return retrying(() -> readRemote(target, offset));
  }

  /** A small file at once, fetched on first use. */
  WholeFile whole() {
    WholeFile known = whole.get();
    if (known == null) {
      known = retrying(() -> WholeFile.fetch(http, entry));
      whole.set(known);
    }
    return known;
  }

  /** One try; null to have another. */
  @FunctionalInterface
  private interface Attempt<T> {
    @Nullable T run();
  }

  private <T> T retrying(Attempt<T> one) {
    LarderException last = null;
    for (int attempt = 0; attempt < limits.attemptsMax(); attempt++) {
      if (attempt > 0) {
        pause(attempt);
      }
      checkOpen();
      await(limits.turns());
      try {
        T done = one.run();
        if (done != null) {
          return done;
        }
      } catch (LarderException e) {
        if (e.code().category() != ErrorCode.Category.RETRY_HIGHER) {
          throw e;
        }
        last =
            new LarderException(e.code(), "cannot read " + entry.path() + ": " + e.getMessage(), e);
      } finally {
        limits.turns().release();
      }
    }
    throw last != null
        ? last
        : new LarderException(ErrorCode.AGENT_UNAVAILABLE, "cannot read " + entry.path());
  }

  private int readFile(FileChannel file, ByteBuffer target, long offset) {
    try {
      int count = file.read(target, offset);
      if (count < 0) {
        throw new LarderException(
            ErrorCode.STORE_CORRUPT, "the stored file of " + entry.path() + " is too short");
      }
      return count;
    } catch (ClosedChannelException e) {
      throw new LarderException(ErrorCode.CLOSED, entry.path() + " was closed", e);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_IO, "cannot read " + entry.path(), e);
    }
  }

  private @Nullable Integer readRemote(ByteBuffer target, long offset) {
    RangeStream stream = null;
    try {
      stream = take(target, offset);
      if (stream == null) {
        FileChannel file = direct.get();
        return file == null ? null : readFile(file, target, offset);
      }
      int count = stream.read(target);
      lastEnd.set(offset + count);
      park(stream);
      return count;
    } catch (IOException e) {
      giveUp(stream);
      if (e.getCause() instanceof InterruptedException) {
        Thread.currentThread().interrupt();
        throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
      }
      throw lost(stream, e);
    } catch (LarderException e) {
      giveUp(stream);
      throw e;
    }
  }

  private LarderException lost(@Nullable RangeStream stream, IOException e) {
    boolean stalled = stream != null && stream.body.wasCut();
    return new LarderException(
        stalled ? ErrorCode.DEADLINE : ErrorCode.AGENT_UNAVAILABLE,
        stalled ? "no progress" : "lost the connection",
        e);
  }

  /** A stream that stands at the offset; null when the blob turned out to be readable directly. */
  private @Nullable RangeStream take(ByteBuffer target, long offset) {
    RangeStream stream = parked.getAndSet(null);
    if (stream != null && stream.position == offset) {
      return stream;
    }
    giveUp(stream);
    if (tryDirect()) {
      return null;
    }
    boolean onward = !intent.equals("random") || (offset > 0 && offset == lastEnd.get());
    long end =
        onward ? entry.sizeBytes() : Math.min(entry.sizeBytes(), offset + target.remaining());
    return openRange(offset, end, onward ? "sequential" : "random");
  }

  private RangeStream openRange(long offset, long end, String word) {
    HttpResponse<InputStream> response =
        http.send(
            "GET",
            Http.datasetPath(entry.snapshot(), entry.path()),
            Map.of(
                "Range",
                "bytes=" + offset + "-" + (end - 1),
                "Larder-Intent",
                intent.equals("whole") ? "whole" : word));
    String etag = response.headers().firstValue("ETag").orElse("");
    boolean right =
        response.statusCode() == 206
            && response
                .headers()
                .firstValue("Content-Range")
                .orElse("")
                .equals("bytes " + offset + "-" + (end - 1) + "/" + entry.sizeBytes())
            && entry.key().map(key -> etag.equals("\"" + key + "\"")).orElse(true);
    RangeStream stream = new RangeStream(watchdog.watch(response.body()), offset, end);
    if (!right) {
      stream.body.close();
      throw new LarderException(
          ErrorCode.INTERNAL, "the agent answered another range or version of " + entry.path());
    }
    return stream;
  }

  private boolean tryDirect() {
    Optional<Path> blobs = http.address().blobs();
    if (!mayOpen || blobs.isEmpty() || entry.key().isEmpty()) {
      return false;
    }
    FileChannel file =
        HttpLarderClient.openSealed(
            blobs.get(), BlobKey.parse(entry.key().get()), entry.sizeBytes());
    if (file == null) {
      return false;
    }
    if (!direct.compareAndSet(null, file)) {
      closeQuietly(file);
    }
    if (closed) {
      close();
      throw new LarderException(ErrorCode.CLOSED, entry.path() + " was closed");
    }
    return true;
  }

  private void park(RangeStream stream) {
    if (stream.position == stream.end || closed) {
      giveUp(stream);
      return;
    }
    giveUp(parked.getAndSet(stream));
    if (closed) {
      giveUp(parked.getAndSet(null));
    }
  }

  private static void giveUp(@Nullable RangeStream stream) {
    if (stream != null) {
      stream.body.close();
    }
  }

  private static void await(Semaphore turns) {
    try {
      turns.acquire();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
    }
  }

  private static void pause(int attempt) {
    long bound = Math.min(BACKOFF_MILLIS_MAX, BACKOFF_MILLIS_MIN << Math.min(attempt, 10));
    try {
      Thread.sleep(ThreadLocalRandom.current().nextLong(bound / 2, bound + 1));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
    }
  }

  private void checkOpen() {
    if (closed) {
      throw new LarderException(ErrorCode.CLOSED, entry.path() + " was closed");
    }
  }

  private static void closeQuietly(FileChannel file) {
    try {
      file.close();
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_IO, "cannot close a stored file", e);
    }
  }

  @Override
  public void close() {
    closed = true;
    giveUp(parked.getAndSet(null));
    FileChannel file = direct.getAndSet(null);
    if (file != null) {
      closeQuietly(file);
    }
  }

  /** An answer being read. One thread at a time. */
  private static final class RangeStream {
    private final Watchdog.Watched body;
    private final long end;
    private final byte[] copy = new byte[COPY_BYTES];
    private long position;

    RangeStream(Watchdog.Watched body, long position, long end) {
      this.body = body;
      this.position = position;
      this.end = end;
    }

    int read(ByteBuffer target) throws IOException {
      int wanted = (int) Math.min(target.remaining(), end - position);
      int count;
      if (target.hasArray()) {
        count = body.read(target.array(), target.arrayOffset() + target.position(), wanted);
        target.position(target.position() + Math.max(count, 0));
      } else {
        count = body.read(copy, 0, Math.min(wanted, copy.length));
        target.put(copy, 0, Math.max(count, 0));
      }
      if (count <= 0) {
        throw new IOException("the body ended " + (end - position) + " bytes early");
      }
      position += count;
      return count;
    }
  }
}
