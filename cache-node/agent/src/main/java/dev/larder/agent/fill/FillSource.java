package dev.larder.agent.fill;

import dev.larder.origin.Origin;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.BlobKey;

/**
 * Where a fill gets a blob: one version of an object, and the origin of the dataset that lists it.
 * The origin belongs to its dataset; it is not closed here.
 */
public record FillSource(Origin origin, OriginObject object) {

  /** The blob's key. */
  public BlobKey key() {
    return object.key();
  }

  /** The blob's size in bytes. */
  public long sizeBytes() {
    return object.sizeBytes();
  }

  /** The kind of origin: the scheme of the object's URI. */
  public String kind() {
    int colon = object.uri().indexOf(':');
    return colon < 0 ? "unknown" : object.uri().substring(0, colon);
  }
}
