package dev.larder.agent;

import dev.larder.origin.Origin;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** An origin in memory that counts every byte it sends and fails on request. Any thread. */
public final class FakeOrigin implements Origin {
  private final Map<String, byte[]> objects = new ConcurrentHashMap<>();
  private final Map<String, ContentChecksum> checksums = new ConcurrentHashMap<>();
  private final List<Sent> sent = new ArrayList<>();
  private final AtomicInteger openReads = new AtomicInteger();
  private volatile Fault fault = (object, offset) -> {};
  private volatile Runnable checksumAsked = () -> {};
  private volatile int pieceMax = Integer.MAX_VALUE;

  /** One range as it was asked for, and how much of it went out. */
  public static final class Sent {
    /** What was asked for. */
    public final String path;

    /** First byte. */
    public final long offset;

    /** Bytes asked for. */
    public final long length;

    private long delivered;

    private Sent(String path, long offset, long length) {
      this.path = path;
      this.offset = offset;
      this.length = length;
    }
  }

  /** Called before each piece; throws to fail, blocks to stall. */
  public interface Fault {
    /** The byte at the offset of an object is about to go out. */
    void before(OriginObject object, long offset);
  }

  /** Adds an object of random content. */
  public OriginObject add(String path, int size, Random random) {
    byte[] content = new byte[size];
    random.nextBytes(content);
    return add(path, content);
  }

  /** Adds an object. */
  public OriginObject add(String path, byte[] content) {
    objects.put(path, content);
    return object(path, content.length, Optional.empty());
  }

  /** The object with a content key. */
  public static OriginObject object(String path, long size, Optional<BlobKey> key) {
    return new OriginObject(
        path,
        OriginObject.Type.FILE,
        "fake://host/" + path,
        "v1",
        size,
        Instant.EPOCH,
        Optional.empty(),
        key);
  }

  /** Content of an object. */
  public byte[] content(OriginObject object) {
    byte[] content = objects.get(object.path());
    if (content == null) {
      throw new LarderException(ErrorCode.ORIGIN_GONE, object.path() + " is gone");
    }
    return content;
  }

  /** Publishes a checksum. */
  public void publish(OriginObject object, ContentChecksum checksum) {
    checksums.put(object.path(), checksum);
  }

  /** What happens from now on. */
  public void onPiece(Fault next) {
    fault = next;
  }

  /** Called before a checksum is told by a request of its own; throws to fail, blocks to stall. */
  public void onChecksum(Runnable next) {
    checksumAsked = next;
  }

  /** Most bytes of one read. */
  public void pieceMax(int bytes) {
    pieceMax = bytes;
  }

  /** Requests so far. */
  public int requests() {
    synchronized (sent) {
      return sent.size();
    }
  }

  /** Bytes that went out. */
  public long bytesSent() {
    synchronized (sent) {
      return sent.stream().mapToLong(each -> each.delivered).sum();
    }
  }

  /** Reads not closed yet. */
  public int openReads() {
    return openReads.get();
  }

  /** Every range asked for. */
  public List<Sent> sent() {
    synchronized (sent) {
      return List.copyOf(sent);
    }
  }

  @Override
  public String uri() {
    return "fake://host/";
  }

  @Override
  public void list(ListingSink sink) {
    objects.forEach((path, content) -> sink.accept(object(path, content.length, Optional.empty())));
  }

  @Override
  public OriginRead open(OriginObject object, long offset, long length) {
    byte[] content = content(object);
    if (offset < 0 || length < 1 || offset + length > content.length) {
      throw new LarderException(ErrorCode.BAD_RANGE, offset + "+" + length);
    }
    Sent request = new Sent(object.path(), offset, length);
    synchronized (sent) {
      sent.add(request);
    }
    fault.before(object, offset);
    openReads.incrementAndGet();
    return new Read(object, content, request);
  }

  @Override
  public Optional<ContentChecksum> checksum(OriginObject object) {
    checksumAsked.run();
    return Optional.ofNullable(checksums.get(object.path()));
  }

  @Override
  public void close() {
    // Memory only.
  }

  private final class Read implements OriginRead {
    private final OriginObject object;
    private final byte[] content;
    private final Sent request;
    private boolean isClosed;

    Read(OriginObject object, byte[] content, Sent request) {
      this.object = object;
      this.content = content;
      this.request = request;
    }

    @Override
    public int read(ByteBuffer target) {
      long position = request.offset + request.delivered;
      if (request.delivered == request.length) {
        return -1;
      }
      if (Thread.interrupted()) {
        throw new LarderException(ErrorCode.CANCELLED, "interrupted");
      }
      fault.before(object, position);
      int count =
          (int)
              Math.min(Math.min(target.remaining(), pieceMax), request.length - request.delivered);
      target.put(content, (int) position, count);
      synchronized (sent) {
        request.delivered += count;
      }
      return count;
    }

    @Override
    public Optional<ContentChecksum> checksum() {
      @Nullable ContentChecksum known = checksums.get(object.path());
      boolean isWhole = request.offset == 0 && request.length == content.length;
      return isWhole ? Optional.ofNullable(known) : Optional.empty();
    }

    @Override
    public void close() {
      if (!isClosed) {
        isClosed = true;
        openReads.decrementAndGet();
      }
    }
  }
}
