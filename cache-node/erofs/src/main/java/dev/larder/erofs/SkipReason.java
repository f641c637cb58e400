package dev.larder.erofs;

/** Why an entry of a listing is not in the catalog. */
public enum SkipReason {
  /** The path, or a part of it between two slashes, is empty. */
  EMPTY_NAME,
  /** A part of the path is {@code .} or {@code ..}. */
  DOT_NAME,
  /** The path holds a NUL character. */
  NUL_IN_NAME,
  /** A part of the path is longer than 255 bytes. */
  NAME_TOO_LONG,
  /** The path is longer than 4096 bytes. */
  PATH_TOO_LONG,
  /** The path holds half of a surrogate pair and so has no bytes. */
  NOT_UNICODE,
  /** An object whose name is also the prefix of others: the directory wins. */
  SHADOWED_BY_DIRECTORY,
  /** Listed more than once: the newest wins, see {@link CatalogWriter}. */
  DUPLICATE,
  /** The target of a symbolic link is empty, longer than 4095 bytes, or holds a NUL. */
  BAD_LINK_TARGET,
  /** Larger than 1 PiB. */
  TOO_LARGE,
  /** Version and extended attributes need more than 16 KiB. */
  ATTRIBUTES_TOO_LARGE
}
