package dev.larder.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Golden values of every encoding that is fixed for ever, computed with coreutils' sha256sum. */
class EncodingsTest {
  private static final String EMPTY_SHA =
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

  @Test
  void originKeyIsTheHashOfItsFourLines() {
    // printf 'larder-origin-1\ns3://models/a%%20b/x.bin\nabc123\n42\n' | sha256sum
    BlobKey key = OriginKeys.key("s3://models/a%20b/x.bin", "abc123", 42);
    assertEquals(
        "origin:9285b257cf84d3953c34bb79b9792e41a885836033de4f6351c473c624142bb1", key.toString());
    assertEquals(key, BlobKey.parse(key.toString()));
    assertEquals(key, BlobKey.parseDiskName(key.diskName()));
    assertEquals(key, BlobKey.parseDiskName(key.fileName()));
    assertEquals(key, BlobKey.ofBinary(key.binary()));
    assertEquals(key.folder() + "/origin-" + key.digest().hex(), key.diskName());
  }

  @Test
  void originKeyRefusesWhatCouldForgeAnotherKey() {
    assertEquals(
        ErrorCode.BAD_ORIGIN,
        assertThrows(LarderException.class, () -> OriginKeys.key("s3://b/x\ny", "v", 1)).code());
    assertEquals(
        ErrorCode.BAD_ORIGIN,
        assertThrows(LarderException.class, () -> OriginKeys.key("s3://b/x", "v\n1", 1)).code());
  }

  @Test
  void twoLevelDigestsFollowTheirDefinition() throws Exception {
    byte[] content = new byte[(int) (Blocks.STRIPE_BYTES + Blocks.BLOCK_BYTES + 7)];
    for (int i = 0; i < content.length; i++) {
      content[i] = (byte) (i * 31 + (i >> 13));
    }
    MessageDigest root = MessageDigest.getInstance("SHA-256");
    root.update((byte) 2);
    root.update(ByteBuffer.allocate(8).putLong(content.length).flip());
    for (int stripe = 0; stripe < 2; stripe++) {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      sha.update((byte) 1);
      int from = (int) (stripe * Blocks.STRIPE_BYTES);
      int to = (int) Math.min(content.length, from + Blocks.STRIPE_BYTES);
      for (int at = from; at < to; at += Blocks.BLOCK_BYTES) {
        MessageDigest block = MessageDigest.getInstance("SHA-256");
        block.update(content, at, Math.min(Blocks.BLOCK_BYTES, to - at));
        sha.update(block.digest());
      }
      root.update(sha.digest());
    }
    assertEquals(Digest.of(root.digest()), Digests.rootOf(ByteBuffer.wrap(content)));
  }

  @Test
  void rootOfNothingCoversTheSizeOnly() {
    // printf '\002\0\0\0\0\0\0\0\0' | sha256sum
    assertEquals(
        "4322fd2bc0a137d1375b37b3b2e2b4715b3d3dd7ca9682438d4fea0f8437fad3",
        Digests.root(0, List.of()).hex());
    assertEquals(EMPTY_SHA, Digests.ofBytes(new byte[0]).hex());
  }

  @Test
  void namesArePercentEncodedAsBytes() {
    assertEquals("a/b-c._~/%20%25%C3%A9%2B%3F%23", OriginKeys.encode("a/b-c._~/ %é+?#"));
  }

  @Test
  void versionTokensLoseQuotesAndWeakness() {
    assertEquals("abc", OriginKeys.versionOfEtag("\"abc\""));
    assertEquals("abc", OriginKeys.versionOfEtag("W/\"abc\""));
    assertEquals("abc", OriginKeys.versionOfEtag("abc"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "sha256",
        "sha256:",
        "md5:00",
        "sha256:" + EMPTY_SHA + "0",
        "SHA256:" + EMPTY_SHA,
        "sha256:E3B0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256:../../../../etc/passwd/////////////////////////////////////////////"
      })
  void malformedKeysAreRefused(String text) {
    assertEquals(
        ErrorCode.BAD_KEY, assertThrows(LarderException.class, () -> BlobKey.parse(text)).code());
  }

  @Test
  void diskNameInAForeignFolderIsRefused() {
    assertEquals(
        ErrorCode.BAD_KEY,
        assertThrows(LarderException.class, () -> BlobKey.parseDiskName("00/sha256-" + EMPTY_SHA))
            .code());
  }

  @Test
  void keysSortLikeTheirBinaryForm() {
    BlobKey low = BlobKey.sha256(Digest.parse("0".repeat(64)));
    BlobKey high = BlobKey.sha256(Digest.parse("f".repeat(64)));
    BlobKey origin = BlobKey.origin(Digest.parse("0".repeat(64)));
    assertEquals(-1, Integer.signum(low.compareTo(high)));
    assertEquals(-1, Integer.signum(high.compareTo(origin)));
    assertEquals(
        -1, Integer.signum(java.util.Arrays.compareUnsigned(high.binary(), origin.binary())));
    assertNotEquals(low, origin);
  }
}
