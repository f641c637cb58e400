package dev.larder.coordinator;

import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.NewSnapshot;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Trust;
import java.time.Instant;
import java.util.Map;

/** Values for tests, made from small numbers. */
public final class Samples {
  private Samples() {}

  public static Digest digest(long n) {
    return new Digest(n, n * 31, ~n, 7);
  }

  public static BlobKey key(long n) {
    return n % 2 == 0 ? BlobKey.sha256(digest(n)) : BlobKey.origin(digest(n));
  }

  public static MemberInfo member(String id, String zone) {
    return MemberInfo.joining(id, id + ":7451", zone, Map.of("pool", "gpu", "arch", "x"), 1L << 40);
  }

  public static NewSnapshot snapshot(long n) {
    return new NewSnapshot(
        BlobKey.sha256(digest(n)),
        digest(n + 1),
        4096 + n,
        n,
        n * 1000,
        n % 3,
        "s3://bucket-" + n,
        n % 2 == 1,
        Instant.ofEpochMilli(1_700_000_000_000L + n),
        Instant.ofEpochMilli(1_700_000_001_000L + n));
  }

  public static RecordedRoot root(long key, long root, Trust trust) {
    return new RecordedRoot(key(key), 1000 + root, digest(root), trust, "node-a");
  }
}
