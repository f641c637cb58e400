package dev.larder.agent.fill;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/**
 * Other members as sources of bytes. Any thread; calls wait for the network within the progress
 * deadline, and interrupting the thread ends them with CANCELLED.
 */
public interface Members {
  /** A node that knows nobody. */
  Members NOBODY =
      new Members() {
        @Override
        public boolean isAlone() {
          return true;
        }

        @Override
        public boolean isFar(String member) {
          return false;
        }

        @Override
        public long spread(BlobKey key) {
          return 0;
        }

        @Override
        public MemberRead open(String member, BlobKey key, long offset, long length) {
          throw new IllegalStateException("sent to " + member + " by a tracker of one");
        }

        @Override
        public Optional<SealedDigests> digests(
            String member, BlobKey key, int stripe, int stripeCount, boolean isListKnown) {
          return Optional.empty();
        }

        @Override
        public List<String> holders(BlobKey key) {
          return List.of();
        }
      };

  /** Whether no other member is known now, so that nothing of them need be asked. */
  boolean isAlone();

  /** Whether a member is known to be in another zone than this node. */
  boolean isFar(String member);

  /** A number of this node's own for a blob, so that not all nodes begin it at one place. */
  long spread(BlobKey key);

  /**
   * Asks a member for a range.
   *
   * @throws dev.larder.protocol.LarderException AGENT_UNAVAILABLE when it cannot be reached, sends
   *     another range or breaks off; DEADLINE when it sends nothing for too long; UNKNOWN_BLOB when
   *     it has nothing of the blob; TOO_MANY at a bound, its own or this node's
   */
  MemberRead open(String member, BlobKey key, long offset, long length);

  /**
   * Digests of a blob that a member has sealed; empty when it has not, or does not answer.
   *
   * @param stripeCount stripes of the blob; digests of more are no answer
   * @param isListKnown whether those of the stripes need not be told; a member may all the same
   */
  Optional<SealedDigests> digests(
      String member, BlobKey key, int stripe, int stripeCount, boolean isListKnown);

  /** Members that may have the blob whole and can be reached, best first; empty when not known. */
  List<String> holders(BlobKey key);

  /**
   * What a member says of a blob; proves itself against a root.
   *
   * @param blocks of the stripe asked for
   * @param stripes of all stripes; none where they need not be told
   */
  record SealedDigests(List<Digest> blocks, List<Digest> stripes) {}

  /** Bytes of a range, in order. One thread. */
  interface MemberRead extends AutoCloseable {
    /** Reads at least one byte; -1 when the range is done or the member has no more of it. */
    int read(ByteBuffer target);

    /** After the end: whether the member waits for more itself. */
    boolean isMoreToCome();

    /**
     * Gives the connection back, or drops it when the answer was not read to its end; from any
     * thread, then it ends a read in progress.
     */
    @Override
    void close();
  }
}
