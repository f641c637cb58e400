package dev.larder.agent.fill;

import dev.larder.agent.fill.Members.MemberRead;
import dev.larder.agent.fill.StripeShare.ParentFault;
import dev.larder.agent.tracker.Assignment;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One small blob among the members: its tracker says who fetches it from the origin, everybody else
 * reads it there, whole, and checks it against the digest that the fetcher told the tracker. One
 * thread.
 */
final class SharedSmall implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(SharedSmall.class);

  /** Members tried before the origin is asked after all. */
  private static final int PARENTS_MAX = 4;

  private final FillEngine engine;
  private final FillSource source;
  private final StripeId stripe;
  private final StripeShare share;
  private boolean isKept;

  /** Whether the last one is named again, perhaps by a tracker that knows more. */
  private boolean isUnvouched;

  SharedSmall(FillEngine engine, FillSource source) {
    this.engine = engine;
    this.source = source;
    this.stripe = new StripeId(source.key(), 0);
    this.share = engine.tracking().share(stripe);
  }

  /** The content from a member, checked; null when this node is to ask the origin. */
  @Nullable ByteBuffer fromMember() {
    Set<String> avoid = new HashSet<>();
    for (int tried = 0; tried < PARENTS_MAX; tried++) {
      if (!(share.ask(avoid) instanceof Assignment.Parent parent)) {
        return null;
      }
      ByteBuffer content = read(parent.member());
      if (content != null) {
        return content;
      }
      if (!isUnvouched) {
        avoid.add(parent.member());
      }
    }
    return null;
  }

  /** The content is in the store: members may be sent here. */
  void kept(ByteBuffer content) {
    Digest digest = digest(content);
    engine.tracking().completed(stripe, () -> BlockDigests.of(0, digest));
    isKept = true;
  }

  @Override
  public void close() {
    share.idle();
    if (!isKept) {
      engine.tracking().closed(source.key());
    }
  }

  private @Nullable ByteBuffer read(String member) {
    isUnvouched = false;
    int size = (int) source.sizeBytes();
    ByteBuffer content = ByteBuffer.allocate(size);
    boolean isFar = engine.members().isFar(member);
    engine.counters().peerRequests.increment();
    try (MemberRead in = engine.members().open(member, source.key(), 0, size)) {
      while (content.hasRemaining()) {
        int count = in.read(content);
        if (count < 0) {
          return failed(member, ParentFault.ENDED, "no more of it");
        }
        engine.counters().peerBytesCame(isFar, count);
      }
    } catch (LarderException e) {
      return switch (e.code()) {
        case UNKNOWN_BLOB, TOO_MANY -> failed(member, ParentFault.ENDED, e.toString());
        case DEADLINE -> failed(member, ParentFault.SILENT, e.toString());
        case AGENT_UNAVAILABLE -> failed(member, ParentFault.GONE, e.toString());
        case BAD_RANGE -> failed(member, ParentFault.WRONG, e.toString());
        default -> throw e;
      };
    }
    content.flip();
    Digest expected = share.awaitDigest(0);
    if (expected == null) {
      isUnvouched = true;
      return failed(member, ParentFault.UNVOUCHED, "nobody vouches for it");
    }
    if (!expected.equals(digest(content))) {
      return failed(member, ParentFault.WRONG, "wrong content");
    }
    try {
      Checksums.checkKey(source.key(), content.duplicate(), "member " + member);
    } catch (LarderException e) {
      if (e.code() != ErrorCode.ORIGIN_CORRUPT) {
        throw e;
      }
      return failed(member, ParentFault.WRONG, e.toString());
    }
    return content;
  }

  private @Nullable ByteBuffer failed(String member, ParentFault what, String why) {
    engine.counters().peerFaults.increment();
    if (what == ParentFault.WRONG) {
      engine.counters().peerWasWrong();
      log.warn("member sent wrong bytes member={} key={}: {}", member, source.key(), why);
    } else {
      log.info("left a parent member={} key={} fault={}: {}", member, source.key(), what, why);
    }
    share.failed(member, what);
    return null;
  }

  private static Digest digest(ByteBuffer content) {
    byte[] bytes = new byte[content.remaining()];
    content.duplicate().get(bytes);
    return Digests.ofBytes(bytes);
  }
}
