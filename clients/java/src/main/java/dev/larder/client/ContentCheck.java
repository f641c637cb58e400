package dev.larder.client;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Checks a file's bytes, given in order block by block, against its key where that is a content
 * digest, else against the root its agent sealed it with. One thread.
 */
final class ContentCheck {
  private final RemoteEntry entry;
  private final Optional<BlobKey> contentKey;
  private final MessageDigest whole = Digests.sha256();
  private final List<Digest> blocks = new ArrayList<>();
  private final List<Digest> stripes = new ArrayList<>();

  ContentCheck(RemoteEntry entry) {
    this.entry = entry;
    this.contentKey =
        entry.key().map(BlobKey::parse).filter(key -> key.kind() == BlobKey.Kind.SHA256);
  }

  /** The next whole block, or the last, shorter one. */
  void update(ByteBuffer block) {
    if (contentKey.isPresent()) {
      whole.update(block);
      return;
    }
    blocks.add(Digests.ofBytes(block));
    if (blocks.size() == Blocks.STRIPE_BLOCKS) {
      stripes.add(Digests.stripe(blocks));
      blocks.clear();
    }
  }

  /**
   * Whether the bytes are right. A blob the agent could not keep has no root to compare with; its
   * bytes came straight from the origin and were checked by the agent on the way.
   *
   * @param known the root if the agent named it with the bytes, else it is asked for
   */
  boolean matches(HttpLarderClient client, Optional<Digest> known) {
    if (contentKey.isPresent()) {
      return Digest.of(whole.digest()).equals(contentKey.get().digest());
    }
    if (!blocks.isEmpty()) {
      stripes.add(Digests.stripe(blocks));
      blocks.clear();
    }
    Digest root = Digests.root(entry.sizeBytes(), stripes);
    return known.or(() -> client.rootOf(entry)).map(root::equals).orElse(true);
  }
}
