package dev.larder.mount.tree;

import dev.larder.erofs.Catalog;
import java.nio.file.Path;
import java.util.Objects;

/**
 * What a tree mount shows, and where.
 *
 * @param target an existing, empty directory
 * @param label shown as the mount's source, as in {@code larder:name@3}; letters, digits and {@code
 *     :@._-/} only
 * @param catalog the snapshot's catalog, plain or packed; the caller's, to be closed after the
 *     mount
 * @param files where the bytes of files come from that the catalog does not hold
 * @param allowOther whether other users than this process's may enter
 * @param noExec whether programs inside may not be run
 */
public record TreeSpec(
    Path target,
    String label,
    Catalog catalog,
    TreeFiles files,
    boolean allowOther,
    boolean noExec,
    TreeConfig config) {

  /** Checks what would break the option string. */
  public TreeSpec {
    Objects.requireNonNull(target, "target");
    if (!label.matches("[A-Za-z0-9:@._/-]+")) {
      throw new IllegalArgumentException("label of a mount: " + label);
    }
  }
}
