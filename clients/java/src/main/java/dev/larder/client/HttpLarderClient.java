package dev.larder.client;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.Locale;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/** The client over HTTP, with reads straight from the store's files where it may. Any thread. */
final class HttpLarderClient implements LarderClient {
  private static final int PAGE_ENTRIES = 1000;

  private final Http http;
  private final ReadLimits limits;
  private final boolean directReads;
  private final Watchdog watchdog;
  private volatile boolean closed;

  HttpLarderClient(
      @Nullable Path agentFile,
      Duration progressDeadline,
      int attemptsMax,
      int requestsMax,
      boolean directReads) {
    this.http = new Http(AgentAddress.find(agentFile), progressDeadline);
    this.limits = new ReadLimits(attemptsMax, new Semaphore(requestsMax, true));
    this.directReads = directReads;
    this.watchdog = new Watchdog(progressDeadline);
  }

  /**
   * Bounds of reads.
   *
   * @param attemptsMax tries of one read
   * @param turns held while a read asks the agent, so never by a stream that nobody reads
   */
  record ReadLimits(int attemptsMax, Semaphore turns) {}

  @Override
  public RemoteEntry stat(String dataset, String path) {
    checkOpen();
    String target = Http.datasetPath(dataset, path) + "?stat=true";
    Json.Fields fields = Json.object(http.text("GET", target, ""));
    return entry(fields.text("snapshot"), fields.text("path"), fields);
  }

  @Override
  public Iterator<RemoteEntry> list(String dataset, String directory) {
    checkOpen();
    Pages pages = new Pages(dataset, directory);
    pages.fetch();
    return pages;
  }

  @Override
  public EntryStream walk(String dataset, String glob) {
    checkOpen();
    String target = Http.datasetPath(dataset, "") + "/?recursive=true&glob=" + Http.query(glob);
    HttpResponse<InputStream> response = http.send("GET", target, Map.of());
    String snapshot = response.headers().firstValue("Larder-Snapshot").orElse(dataset);
    return new Lines(snapshot, response.body());
  }

  @Override
  public RemoteFile open(String dataset, String path) {
    RemoteEntry entry = stat(dataset, path);
    if (entry.type() != RemoteEntry.Type.FILE) {
      throw new LarderException(
          ErrorCode.WRONG_TYPE,
          entry.path() + " is a " + entry.type().name().toLowerCase(Locale.ROOT) + ", not a file");
    }
    return open(entry);
  }

  /** Opens a file whose entry is known. */
  RemoteFile open(RemoteEntry entry) {
    return new BlobChannel(entry, openReads(entry));
  }

  /** Reads of a file whose entry is known; the caller closes them. */
  BlobReads openReads(RemoteEntry entry) {
    return new BlobReads(http, watchdog, limits, entry, directReads, openDirect(entry));
  }

  @Override
  public InputStream openStream(String dataset, String path) {
    return new BlobInputStream((BlobChannel) open(dataset, path));
  }

  @Override
  public DownloadResult download(DownloadRequest request) {
    checkOpen();
    return new Downloader(this, request).run();
  }

  @Override
  public Control.ControlApi control() {
    checkOpen();
    return new HttpControl(http);
  }

  @Override
  public void close() {
    closed = true;
    watchdog.close();
  }

  /**
   * The sealed blob's file, when it is there and may be read; a missing one is a miss, no fault.
   */
  private @Nullable FileChannel openDirect(RemoteEntry entry) {
    Optional<Path> blobs = http.address().blobs();
    boolean isFile = !Blocks.isSmall(entry.sizeBytes());
    if (!directReads || !isFile || blobs.isEmpty() || entry.key().isEmpty()) {
      return null;
    }
    return openSealed(blobs.get(), BlobKey.parse(entry.key().get()), entry.sizeBytes());
  }

  /** Opens a sealed blob's file, or returns null when it is not there or not of the right size. */
  static @Nullable FileChannel openSealed(Path blobs, BlobKey key, long sizeBytes) {
    FileChannel channel = null;
    try {
      channel = FileChannel.open(blobs.resolve(key.folder()).resolve(key.fileName()));
      if (channel.size() == sizeBytes) {
        return channel;
      }
      channel.close();
      return null;
    } catch (NoSuchFileException | java.nio.file.AccessDeniedException e) {
      return null;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot open a blob of " + blobs, e);
    }
  }

  /** The root a blob was sealed with; empty while it is not sealed or when it is not kept. */
  Optional<Digest> rootOf(RemoteEntry entry) {
    if (entry.key().isEmpty()) {
      return Optional.empty();
    }
    try {
      String text = http.text("GET", "/blobs/" + entry.key().get() + "/digests?stripes=0-0", "");
      return Json.object(text).optionalText("root").map(Digest::parse);
    } catch (LarderException e) {
      if (e.code() == ErrorCode.UNKNOWN_BLOB) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private void checkOpen() {
    if (closed) {
      throw new LarderException(ErrorCode.CLOSED, "this client was closed");
    }
  }

  private static RemoteEntry entry(String snapshot, String path, Json.Fields fields) {
    return new RemoteEntry(
        snapshot,
        path,
        RemoteEntry.Type.valueOf(fields.text("type").toUpperCase(Locale.ROOT)),
        fields.number("size"),
        fields.time("mtime"),
        fields.optionalText("key"),
        fields.optionalText("target"));
  }

  /** Entries of a directory, page by page. */
  private final class Pages implements Iterator<RemoteEntry> {
    private final String directory;
    private final Queue<RemoteEntry> page = new ArrayDeque<>();
    private String dataset;
    private Optional<String> after = Optional.empty();
    private boolean last;

    Pages(String dataset, String directory) {
      this.dataset = dataset;
      this.directory = directory;
    }

    void fetch() {
      String target =
          Http.datasetPath(dataset, directory)
              + "/?limit="
              + PAGE_ENTRIES
              + after.map(name -> "&after=" + Http.query(name)).orElse("");
      Json.Fields fields = Json.object(http.text("GET", target, ""));
      // All pages come from the snapshot the first one came from.
      dataset = fields.text("snapshot");
      String prefix = directory.isEmpty() ? "" : directory + "/";
      for (Json.Fields entry : fields.list("entries")) {
        page.add(entry(dataset, prefix + entry.text("name"), entry));
      }
      after = fields.optionalText("next");
      last = after.isEmpty();
    }

    @Override
    public boolean hasNext() {
      while (page.isEmpty() && !last) {
        fetch();
      }
      return !page.isEmpty();
    }

    @Override
    public RemoteEntry next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      return page.remove();
    }
  }

  /** Entries as lines of JSON; a stream without its closing line was cut. */
  private static final class Lines implements EntryStream {
    private final String snapshot;
    private final BufferedReader reader;
    private @Nullable RemoteEntry ahead;
    private boolean ended;

    Lines(String snapshot, InputStream body) {
      this.snapshot = snapshot;
      this.reader = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8));
    }

    @Override
    public boolean hasNext() {
      if (ahead == null && !ended) {
        ahead = readOne();
      }
      return ahead != null;
    }

    @Override
    public RemoteEntry next() {
      if (!hasNext() || ahead == null) {
        throw new NoSuchElementException();
      }
      RemoteEntry entry = ahead;
      ahead = null;
      return entry;
    }

    private @Nullable RemoteEntry readOne() {
      try {
        String line = reader.readLine();
        if (line == null) {
          throw new LarderException(ErrorCode.AGENT_UNAVAILABLE, "the listing was cut");
        }
        Json.Fields fields = Json.object(line);
        if (fields.has("problem")) {
          throw Http.problem(fields.fields("problem"), 500);
        }
        if (fields.has("end")) {
          ended = true;
          return null;
        }
        return entry(snapshot, fields.text("path"), fields);
      } catch (IOException e) {
        throw new LarderException(ErrorCode.AGENT_UNAVAILABLE, "the listing was cut", e);
      }
    }

    @Override
    public void close() {
      try {
        reader.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
