package dev.larder.client;

import dev.larder.client.LarderClient.DownloadResult;
import dev.larder.client.LarderClient.EntryStream;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.PathGlob;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One download: reads the listing and keeps {@code parallel} files at work, never more than that in
 * memory. The first fault stops the rest; what is complete stays.
 */
final class Downloader {
  private static final int PARALLEL_MAX = 64;

  private final HttpLarderClient client;
  private final DownloadRequest request;
  private final DownloadProgress progress;
  private final ConcurrentSkipListMap<String, Path> files = new ConcurrentSkipListMap<>();
  private final AtomicReference<@Nullable LarderException> fault = new AtomicReference<>();

  Downloader(HttpLarderClient client, DownloadRequest request) {
    if (request.parallel() < 1 || request.parallel() > PARALLEL_MAX) {
      throw new LarderException(
          ErrorCode.BAD_REQUEST, "parallel must be 1 to 64, got " + request.parallel());
    }
    this.client = client;
    this.request = request;
    this.progress = new DownloadProgress(request.listener());
  }

  DownloadResult run() {
    ExecutorService pool = Executors.newFixedThreadPool(request.parallel(), Downloader::thread);
    Semaphore slots = new Semaphore(request.parallel());
    boolean hasTarget = false;
    try (EntryStream entries = select()) {
      while (fault.get() == null && entries.hasNext()) {
        RemoteEntry entry = entries.next();
        if (!hasTarget) {
          // Not before: what is refused leaves nothing behind.
          createDirectories(request.target());
          hasTarget = true;
        }
        progress.found(entry);
        slots.acquire();
        pool.execute(() -> work(entry, slots));
      }
      progress.listed();
      slots.acquire(request.parallel());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      fail(new LarderException(ErrorCode.CANCELLED, "the download was cancelled", e));
    } catch (LarderException e) {
      fail(e);
    } finally {
      stop(pool);
    }
    LarderException failed = fault.get();
    if (failed != null) {
      throw failed;
    }
    progress.finish();
    return new DownloadResult(
        List.copyOf(files.values()),
        progress.doneBytes(),
        progress.transferredBytes(),
        progress.skippedFiles());
  }

  /** What the path names: one file as it is, all of a directory, or what a glob matches. */
  private EntryStream select() {
    Optional<RemoteEntry> named = Optional.empty();
    if (!request.path().isEmpty()) {
      try {
        named = Optional.of(client.stat(request.dataset(), request.path()));
      } catch (LarderException e) {
        boolean isGlob = PathGlob.looksLikeGlob(request.path());
        if (!isGlob || (e.code() != ErrorCode.NO_SUCH_PATH && e.code() != ErrorCode.BAD_REQUEST)) {
          throw e;
        }
      }
    }
    if (named.isEmpty()) {
      return client.walk(request.dataset(), request.path());
    }
    RemoteEntry entry = named.get();
    if (entry.type() == RemoteEntry.Type.DIRECTORY) {
      String literal = entry.path().replaceAll("([*?\\[{}\\\\])", "\\\\$1");
      return client.walk(entry.snapshot(), literal);
    }
    return single(entry);
  }

  private static EntryStream single(RemoteEntry entry) {
    Iterator<RemoteEntry> one = List.of(entry).iterator();
    return new EntryStream() {
      @Override
      public boolean hasNext() {
        return one.hasNext();
      }

      @Override
      public RemoteEntry next() {
        return one.next();
      }

      @Override
      public void close() {
        // Nothing is held.
      }
    };
  }

  private void work(RemoteEntry entry, Semaphore slots) {
    try {
      if (fault.get() == null) {
        Path target = LocalPaths.resolve(request.target(), entry.path());
        if (entry.type() == RemoteEntry.Type.SYMLINK) {
          link(entry, target);
        } else {
          new FileDownload(client, entry, target, request.overwrite(), progress).run();
        }
        files.put(entry.path(), request.target().relativize(target));
        progress.done(entry);
      }
    } catch (LarderException e) {
      fail(e);
    } catch (IOException e) {
      fail(
          new LarderException(
              ErrorCode.STORE_IO, "cannot write " + entry.path() + " below the target: " + e, e));
    } catch (RuntimeException e) {
      fail(new LarderException(ErrorCode.CANCELLED, "the download was cancelled: " + e, e));
    } finally {
      slots.release();
    }
  }

  private void link(RemoteEntry entry, Path target) throws IOException {
    String text = entry.linkTarget().orElse("");
    Path folder = LocalPaths.parent(target);
    Path linked = folder.resolve(text).normalize();
    if (text.isEmpty()
        || text.startsWith("/")
        || !linked.startsWith(request.target().normalize())) {
      throw new LarderException(
          ErrorCode.BAD_REQUEST, entry.path() + " links to a place outside of the dataset");
    }
    createDirectories(folder);
    if (Files.isSymbolicLink(target) && Files.readSymbolicLink(target).toString().equals(text)) {
      progress.skipped();
      return;
    }
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      if (!request.overwrite()) {
        throw new LarderException(
            ErrorCode.ALREADY_EXISTS, target + " exists already with other content");
      }
      Files.delete(target);
    }
    Files.createSymbolicLink(target, Path.of(text));
  }

  private void fail(LarderException e) {
    progress.cancel();
    if (!fault.compareAndSet(null, e)) {
      LarderException first = fault.get();
      if (first != null && first != e) {
        first.addSuppressed(e);
      }
    }
  }

  private static void stop(ExecutorService pool) {
    pool.shutdownNow();
    boolean interrupted = Thread.interrupted();
    try {
      // Workers end at their next block or when their connection is closed by the interrupt.
      if (!pool.awaitTermination(30, TimeUnit.SECONDS)) {
        throw new LarderException(ErrorCode.INTERNAL, "a download thread does not end");
      }
    } catch (InterruptedException e) {
      interrupted = true;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  static void createDirectories(Path directory) {
    try {
      Files.createDirectories(directory);
    } catch (FileAlreadyExistsException e) {
      throw new LarderException(
          ErrorCode.ALREADY_EXISTS,
          "cannot create the directory " + directory + ": " + e.getFile() + " is a file",
          e);
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.STORE_IO, "cannot create the directory " + directory + ": " + e, e);
    }
  }

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "larder-download");
    thread.setDaemon(true);
    return thread;
  }
}
