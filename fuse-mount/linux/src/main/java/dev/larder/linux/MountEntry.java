package dev.larder.linux;

import java.util.List;

/**
 * One line of /proc/PID/mountinfo.
 *
 * @param id number of the mount, given again when it is gone
 * @param parentId of the mount it is attached to
 * @param device {@code major:minor} of the file system
 * @param root the directory of the file system that is the mount's root
 * @param mountPoint where it is attached, as this process sees it
 * @param options of the mount
 * @param optional fields such as {@code shared:7}
 * @param type of the file system
 * @param source what was named when it was mounted
 * @param superOptions of the file system
 */
public record MountEntry(
    int id,
    int parentId,
    String device,
    String root,
    String mountPoint,
    List<String> options,
    List<String> optional,
    String type,
    String source,
    List<String> superOptions) {

  /** Copies the lists. */
  public MountEntry {
    options = List.copyOf(options);
    optional = List.copyOf(optional);
    superOptions = List.copyOf(superOptions);
  }
}
