package dev.larder.fuse;

import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;

/**
 * What the server has another process do on the connection, the keeper: give the kernel files to
 * read by itself (BACKING_OPEN and BACKING_CLOSE need a capability), {@link Invalidation}, and the
 * dropping of names.
 *
 * <p><b>Threads:</b> any; calls may wait for another process, but not long: whoever opens the file
 * waits too. After a few seconds without an answer they end with a LarderException.
 */
public interface Backings {

  /**
   * Opens a backing.
   *
   * @param file a regular file; may be closed afterwards
   * @return the id, over 0
   * @throws LinuxException when the kernel refuses, which is final for the blob
   * @throws dev.larder.protocol.LarderException when nobody could be asked; asked again at the next
   *     first open
   */
  int open(Fd file) throws LinuxException;

  /**
   * Closes a backing that no open file uses.
   *
   * @throws LinuxException ENOENT when there is none
   * @throws dev.larder.protocol.LarderException when nobody could be asked; tried again later
   */
  void close(int id) throws LinuxException;

  /**
   * Makes the kernel drop what it keeps of an inode; see {@link Invalidation} for who must not.
   *
   * @return whether the kernel knew the inode
   * @throws LinuxException when the kernel refuses
   * @throws dev.larder.protocol.LarderException when nobody could be asked
   */
  boolean invalidate(long nodeId) throws LinuxException;

  /**
   * Makes the kernel forget every inode nobody uses, in the file systems over this one too; the
   * FORGETs are on their way when it returns. May wait for reads of files closed meanwhile, so not
   * by who answers requests.
   *
   * @throws LinuxException when whoever is asked cannot, now or ever
   * @throws dev.larder.protocol.LarderException when nobody could be asked, or it failed; tried
   *     again later
   */
  void dropNames() throws LinuxException;
}
