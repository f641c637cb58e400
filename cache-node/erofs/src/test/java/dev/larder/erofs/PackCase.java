package dev.larder.erofs;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/** A listing whose files have known bytes, and those bytes by key: what a packer is tested with. */
final class PackCase {
  final List<CatalogEntry> listing = new ArrayList<>();
  final Map<String, byte[]> contents = new TreeMap<>();
  final Map<BlobKey, byte[]> blobs = new HashMap<>();

  /** The sizes where blocks and the bound begin and end, equal contents, and all odd names. */
  static PackCase edges() throws IOException {
    PackCase out = new PackCase();
    for (int size : new int[] {0, 1, 4095, 4096, 4097, 8191, 8192, 65535, 65536, 65537, 200_000}) {
      out.add("sizes/" + size, size, Listings.bytes(size, size));
      out.add("again/" + size, size, Listings.bytes(size, size));
    }
    for (int i = 0; i < 40; i++) {
      byte[] bytes = Listings.bytes(i % 7, 100 * (1 + i % 7));
      out.add("same/%d/%02d".formatted(i % 3, i), bytes.length, bytes);
    }
    for (CatalogEntry entry : Listings.odd()) {
      boolean file = entry.type() == EntryType.FILE;
      if (file && entry.sizeBytes() <= 200_000 && !entry.path().startsWith("sizes/")) {
        int size = (int) entry.sizeBytes();
        out.add(entry, Listings.bytes(entry.path().hashCode(), size));
      } else if (!file) {
        out.listing.add(entry);
      }
    }
    return out;
  }

  /** Random trees; every file of one key has one content. */
  static PackCase random(Random random, int count) throws IOException {
    PackCase out = new PackCase();
    for (CatalogEntry entry : Listings.random(random, count)) {
      if (entry.type() == EntryType.FILE) {
        byte[] known = out.blobs.get(entry.key());
        int size = (int) entry.sizeBytes();
        out.add(entry, known == null ? Listings.bytes(random.nextLong(), size) : known);
      } else {
        out.listing.add(entry);
      }
    }
    return out;
  }

  void add(String path, long size, byte[] bytes) {
    add(CatalogEntry.file(path, size, Listings.NOON, sha256(bytes), "v-" + size), bytes);
  }

  private void add(CatalogEntry entry, byte[] bytes) {
    listing.add(entry);
    contents.put(entry.path(), bytes);
    blobs.put(entry.key(), bytes);
  }

  SmallFileSource source() {
    return key -> {
      byte[] bytes = blobs.get(key);
      return bytes == null ? null : ByteBuffer.wrap(bytes);
    };
  }

  Path plain(Path directory) {
    Path image = directory.resolve("plain");
    Listings.write(directory, image, listing);
    return image;
  }

  static BlobKey sha256(byte[] bytes) {
    try {
      return BlobKey.sha256(Digest.of(MessageDigest.getInstance("SHA-256").digest(bytes)));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
