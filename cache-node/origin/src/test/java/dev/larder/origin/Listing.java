package dev.larder.origin;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/** Collects a listing. */
final class Listing implements Origin.ListingSink {
  final Map<String, OriginObject> objects = new TreeMap<>();
  final Map<String, String> skipped = new LinkedHashMap<>();

  static Listing of(Origin origin) {
    Listing listing = new Listing();
    origin.list(listing);
    return listing;
  }

  @Override
  public void accept(OriginObject object) {
    if (objects.put(object.path(), object) != null) {
      throw new AssertionError("listed twice: " + object.path());
    }
  }

  @Override
  public void skipped(String name, String reason) {
    skipped.put(name, reason);
  }

  OriginObject get(String path) {
    OriginObject object = objects.get(path);
    if (object == null) {
      throw new AssertionError(path + " is not listed; there are " + objects.keySet());
    }
    return object;
  }
}
