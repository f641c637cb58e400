package dev.larder.client;

import dev.larder.client.Control.ControlApi;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;

/**
 * A client of the agent on this host.
 *
 * <p>Datasets are named {@code name} (its newest snapshot) or {@code name@3}; an open file stays on
 * the snapshot it was opened at. Paths have no leading slash.
 *
 * <p><b>Threads:</b> any, virtual ones too; every call blocks. <b>Errors:</b> {@link
 * dev.larder.protocol.LarderException}; AGENT_UNAVAILABLE says where the agent was looked for.
 * Interrupting the thread ends a call with CANCELLED.
 */
public interface LarderClient extends AutoCloseable {

  /** A client of the agent found as {@code docs/HTTP.md} says, with default limits. */
  static LarderClient connect() {
    return builder().build();
  }

  /** Options first. */
  static LarderClientBuilder builder() {
    return new LarderClientBuilder();
  }

  /** One entry: file, directory or symbolic link; {@code NO_SUCH_PATH} if there is none. */
  RemoteEntry stat(String dataset, String path);

  /** Entries of a directory in bytewise order, fetched page by page as the iterator goes. */
  Iterator<RemoteEntry> list(String dataset, String directory);

  /**
   * Files and symbolic links whose paths match a glob (empty: all), in bytewise order, streamed.
   * Close the result.
   */
  EntryStream walk(String dataset, String glob);

  /** Opens a file for positional and sequential reads. Close the result. */
  RemoteFile open(String dataset, String path);

  /** A file's bytes from the start; buffered, resumes after a lost connection. Close the result. */
  InputStream openStream(String dataset, String path);

  /**
   * Downloads what matches a path or glob below a target directory, keeping relative paths. Blocks
   * until done. See {@link DownloadRequest} for resume, verification and bounds.
   */
  DownloadResult download(DownloadRequest request);

  /** Datasets, warm-ups, pins, status. */
  ControlApi control();

  /** Ends idle connections; open files fail from now on. Idempotent. */
  @Override
  void close();

  /** Entries as they arrive; also closes the connection when not read to the end. */
  interface EntryStream extends Iterator<RemoteEntry>, AutoCloseable {
    @Override
    void close();
  }

  /**
   * What a download did.
   *
   * @param files paths written or found complete already, relative to the target, in order
   * @param bytes bytes of all of them
   * @param transferredBytes bytes that were read from the agent or copied from its store
   * @param skippedFiles files that were there already with the right content
   */
  record DownloadResult(List<Path> files, long bytes, long transferredBytes, long skippedFiles) {}
}
