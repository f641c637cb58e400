package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.OriginKeys;

/**
 * Canonical URIs of a bucket's or container's objects, and back.
 *
 * @param container canonical URI of the bucket or container, without a slash at its end
 * @param prefix object name prefix of the dataset: empty, or with a slash at its end
 */
record ObjectUris(String container, String prefix) {

  /** The dataset's root: no slash at its end. */
  String root() {
    return prefix.isEmpty()
        ? container
        : container + "/" + OriginKeys.encode(prefix.substring(0, prefix.length() - 1));
  }

  /** URI of an object by its whole name. */
  String of(String name) {
    return container + "/" + OriginKeys.encode(name);
  }

  /** The whole name of an object of this dataset. */
  String name(OriginObject object) {
    String below = container + "/" + OriginKeys.encode(prefix);
    if (!object.uri().startsWith(below)) {
      throw new LarderException(ErrorCode.BAD_ORIGIN, object.uri() + " is not below " + root());
    }
    return Names.decode("object URI", object.uri().substring(container.length() + 1));
  }

  /** Path in the dataset of an object by its whole name. */
  String path(String name) {
    return name.substring(prefix.length());
  }

  /**
   * The prefix a URI's path stands for: the directory it names.
   *
   * @param encoded path behind bucket or container, percent-encoded, without its first slash
   */
  static String prefixOf(String encoded) {
    if (encoded.indexOf('?') >= 0 || encoded.indexOf('#') >= 0) {
      throw new LarderException(
          ErrorCode.BAD_ORIGIN,
          "origin URI: the prefix must not hold a query or fragment (write ? as %3F, # as %23)");
    }
    String prefix = Names.decode("origin URI prefix", encoded);
    int end = prefix.length();
    while (end > 0 && prefix.charAt(end - 1) == '/') {
      end--;
    }
    return end == 0 ? "" : prefix.substring(0, end) + "/";
  }
}
