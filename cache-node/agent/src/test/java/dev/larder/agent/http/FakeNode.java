package dev.larder.agent.http;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.QuickStat;
import dev.larder.agent.fill.SmallContent;
import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.LocalSmall;
import dev.larder.agent.read.ReadPlane;
import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.coordinator.api.MemberList;
import dev.larder.origin.OriginObject;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.PathGlob;
import dev.larder.protocol.SnapshotRef;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * An agent in memory: one dataset {@code data} with files whose bytes are a function of their key
 * and offset, so that no test needs to keep them. How a file is read can be replaced.
 */
final class FakeNode implements ReadPlane, LocalSmall, Datasets, QuickStat, NodeState {
  static final Instant MTIME = Instant.parse("2024-02-03T04:05:06Z");
  static final String NAME = "data";

  final Map<String, Entry> entries = new TreeMap<>();
  final Map<BlobKey, Long> sizes = new ConcurrentHashMap<>();
  final AtomicInteger openReads = new AtomicInteger();
  final AtomicInteger opened = new AtomicInteger();
  volatile List<String> notReady = List.of();
  volatile Disputes disputes = Disputes.NONE;
  volatile boolean hotPath = true;
  volatile Function<BlobKey, BlobRead> reader = this::generated;

  /** When set, creating and refreshing wait for it between two reports of progress. */
  volatile MemberList last = new MemberList(0, List.of());

  volatile CountDownLatch listingGate = new CountDownLatch(0);

  volatile LarderException listingFault;
  final List<Long> deletedSnapshots = new java.util.concurrent.CopyOnWriteArrayList<>();

  FakeNode() {
    entries.put("", entry("", Type.DIRECTORY, 0, Optional.empty(), Optional.empty()));
  }

  @Override
  public Peers peers() {
    return new Peers(7, 3, 5, 2, Map.of("m-2", "slow"), Map.of("m-3", "DEADLINE"));
  }

  /** Adds a file and the directories above it; returns its key. */
  BlobKey file(String path, long size) {
    BlobKey key =
        BlobKey.sha256(Digests.ofBytes((path + "/" + size).getBytes(StandardCharsets.UTF_8)));
    sizes.put(key, size);
    for (int i = path.indexOf('/'); i >= 0; i = path.indexOf('/', i + 1)) {
      String parent = path.substring(0, i);
      entries.put(parent, entry(parent, Type.DIRECTORY, 0, Optional.empty(), Optional.empty()));
    }
    entries.put(path, entry(path, Type.FILE, size, Optional.of(key), Optional.empty()));
    return key;
  }

  void link(String path, String target) {
    entries.put(path, entry(path, Type.SYMLINK, 0, Optional.empty(), Optional.of(target)));
  }

  private static Entry entry(
      String path, Type type, long size, Optional<BlobKey> key, Optional<String> target) {
    return new Entry(path, type, size, MTIME, key, key.map(k -> "v1"), target);
  }

  /** The byte at an offset of a blob. */
  static byte at(BlobKey key, long offset) {
    return (byte) (key.digest().a() + offset * 131 + (offset >> 11));
  }

  static byte[] bytes(BlobKey key, long offset, int length) {
    byte[] out = new byte[length];
    for (int i = 0; i < length; i++) {
      out[i] = at(key, offset + i);
    }
    return out;
  }

  /** A read that makes its bytes up, in spans of at most 100,000. */
  BlobRead generated(BlobKey key) {
    return new GeneratedRead(key, sizes.get(key));
  }

  class GeneratedRead implements BlobRead {
    final BlobKey key;
    final long size;
    final CountDownLatch closed = new CountDownLatch(1);

    GeneratedRead(BlobKey key, long size) {
      this.key = key;
      this.size = size;
      openReads.incrementAndGet();
      opened.incrementAndGet();
    }

    @Override
    public BlobKey key() {
      return key;
    }

    @Override
    public long sizeBytes() {
      return size;
    }

    @Override
    public boolean isLocal() {
      return true;
    }

    @Override
    public Optional<Digest> root() {
      return Blocks.isSmall(size)
          ? Optional.of(Digests.rootOf(ByteBuffer.wrap(bytes(key, 0, (int) size))))
          : Optional.empty();
    }

    @Override
    public Span next(long offset, long lengthMax) {
      if (closed.getCount() == 0) {
        throw new LarderException(ErrorCode.CANCELLED, "closed");
      }
      int length = (int) Math.min(Math.min(lengthMax, 100_000), size - offset);
      return new MemorySpan(
          ByteBuffer.wrap(bytes(key, offset, length)).asReadOnlyBuffer(), Source.ORIGIN);
    }

    @Override
    public void close() {
      if (closed.getCount() > 0) {
        closed.countDown();
        openReads.decrementAndGet();
      }
    }
  }

  /** A read of a file that holds the blob. */
  class FileRead extends GeneratedRead {
    private final FileChannel channel;

    FileRead(BlobKey key, long size, FileChannel channel) {
      super(key, size);
      this.channel = channel;
    }

    @Override
    public Span next(long offset, long lengthMax) {
      return new FileSpan(channel, offset, Math.min(lengthMax, size - offset), Source.LOCAL);
    }
  }

  @Override
  public BlobRead open(BlobSource source, ReadIntent intent) {
    return reader.apply(source.object().key());
  }

  @Override
  public Optional<BlobRead> open(BlobKey key, ReadIntent intent) {
    return sizes.containsKey(key) ? Optional.of(reader.apply(key)) : Optional.empty();
  }

  @Override
  public SmallContent tryLocalSmall(BlobKey key) {
    Long size = sizes.get(key);
    return hotPath && size != null && Blocks.isSmall(size)
        ? SmallContent.of(ByteBuffer.wrap(bytes(key, 0, size.intValue())))
        : null;
  }

  @Override
  public Found tryStat(SnapshotRef snapshot, String path) {
    Entry entry = hotPath && isKnown(snapshot) ? entries.get(path) : null;
    return entry == null ? null : new Found(entry, 3);
  }

  private static boolean isKnown(SnapshotRef ref) {
    return ref.dataset().text().equals(NAME) && ref.snapshot().orElse(3) == 3;
  }

  private static void check(SnapshotRef ref) {
    if (!isKnown(ref)) {
      throw new LarderException(ErrorCode.UNKNOWN_DATASET, "unknown dataset " + ref);
    }
  }

  @Override
  public DatasetInfo create(
      DatasetName name, String uri, OriginOptions options, Consumer<ListingProgress> progress) {
    if (name.text().equals(NAME)) {
      throw new LarderException(ErrorCode.ALREADY_EXISTS, "dataset data exists");
    }
    long deadline = System.nanoTime() + 10_000_000_000L;
    long objects = 0;
    do {
      progress.accept(new ListingProgress(++objects, objects * 10));
      try {
        if (listingGate.await(50, java.util.concurrent.TimeUnit.MILLISECONDS)) {
          break;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      }
    } while (System.nanoTime() < deadline);
    if (listingFault != null) {
      throw listingFault;
    }
    return new DatasetInfo(name, uri, options, MTIME, List.of());
  }

  @Override
  public DatasetInfo refresh(DatasetName name, Consumer<ListingProgress> progress) {
    return get(name);
  }

  @Override
  public void delete(DatasetName name) {
    get(name);
  }

  @Override
  public void deleteSnapshot(SnapshotRef snapshot) {
    check(snapshot);
    deletedSnapshots.add(snapshot.snapshot().orElseThrow());
  }

  @Override
  public List<Long> keepLast(DatasetName name, int count) {
    get(name);
    return java.util.stream.LongStream.rangeClosed(1, 3L - count).boxed().toList();
  }

  @Override
  public List<DatasetInfo> list() {
    return List.of(get(new DatasetName(NAME)));
  }

  @Override
  public DatasetInfo get(DatasetName name) {
    check(new SnapshotRef(name, java.util.OptionalLong.empty()));
    return new DatasetInfo(
        name,
        "s3://bucket/x",
        new OriginOptions(Map.of("region", "eu")),
        MTIME,
        List.of(snapshot()));
  }

  private SnapshotInfo snapshot() {
    return new SnapshotInfo(
        3, BlobKey.sha256(Digests.ofBytes(new byte[1])), entries.size(), 5, 0, MTIME, MTIME);
  }

  @Override
  public Entry stat(SnapshotRef snapshot, String path) {
    check(snapshot);
    Entry entry = entries.get(path);
    if (entry == null) {
      throw new LarderException(ErrorCode.NO_SUCH_PATH, "no such path: " + path);
    }
    return entry;
  }

  @Override
  public List<Entry> list(SnapshotRef snapshot, String path, Optional<String> after, int limit) {
    if (stat(snapshot, path).type() != Type.DIRECTORY) {
      throw new LarderException(ErrorCode.WRONG_TYPE, "not a directory");
    }
    String prefix = path.isEmpty() ? "" : path + "/";
    return entries.values().stream()
        .filter(e -> !e.path().isEmpty() && e.path().startsWith(prefix))
        .filter(e -> e.path().indexOf('/', prefix.length()) < 0)
        .filter(e -> after.isEmpty() || e.name().compareTo(after.get()) > 0)
        .limit(limit)
        .toList();
  }

  @Override
  public boolean lists(SnapshotRef snapshot, BlobKey key) {
    check(snapshot);
    return entries.values().stream().anyMatch(e -> e.key().filter(key::equals).isPresent());
  }

  @Override
  public void walk(SnapshotRef snapshot, String glob, Consumer<Entry> visitor) {
    check(snapshot);
    PathGlob parsed = PathGlob.parse(glob);
    entries.values().stream()
        .filter(e -> e.type() != Type.DIRECTORY && parsed.matches(e.path()))
        .forEach(visitor);
  }

  @Override
  public BlobSource source(SnapshotRef snapshot, Entry file) {
    return new BlobSource(
        NAME,
        new OriginObject(
            file.path(),
            OriginObject.Type.FILE,
            "s3://bucket/x/" + file.path(),
            "v1",
            file.sizeBytes(),
            MTIME,
            Optional.empty(),
            file.key()));
  }

  @Override
  public Optional<BlobSource> sourceOf(BlobKey key) {
    return Optional.empty();
  }

  @Override
  public SnapshotInfo resolve(SnapshotRef snapshot) {
    check(snapshot);
    return snapshot();
  }

  @Override
  public List<String> notReady() {
    return notReady;
  }

  @Override
  public Disputes disputes() {
    return disputes;
  }

  @Override
  public MemberList lastMembers() {
    return last;
  }

  @Override
  public CoordinatorState coordinator() {
    return new CoordinatorState(
        true, 2, 7, "c1", 3, true, List.of("c2"), 4, 5, new CoordinatorStatus.Used(3_000, 2));
  }

  @Override
  public List<CoordinatorCause> coordinatorCauses() {
    return List.of(new CoordinatorCause("c3", "clock", "its clock is wrong"));
  }

  @Override
  public Path dataDirectory() {
    return Path.of("data");
  }

  @Override
  public String version() {
    return "0.0.1";
  }

  @Override
  public Instant startedAt() {
    return MTIME;
  }

  @Override
  public Duration uptime() {
    return Duration.ofSeconds(1);
  }

  @Override
  public int datasets() {
    return 1;
  }

  @Override
  public int jobs() {
    return 0;
  }
}
