package dev.larder.agent.peer;

import dev.larder.agent.cluster.Cluster;
import dev.larder.agent.cluster.Peer;
import dev.larder.agent.fill.Members;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The members of the view as sources. Any thread. */
final class PeerMembers implements Members {
  private static final Logger log = LoggerFactory.getLogger(PeerMembers.class);

  private final Cluster cluster;
  private final String zone;
  private final Views views;
  private final PeerClient client;
  private final ClusterTracking tracking;

  /**
   * Those of the view.
   *
   * @param zone this node's; empty where it has none
   */
  PeerMembers(
      Cluster cluster, String zone, Views views, PeerClient client, ClusterTracking tracking) {
    this.cluster = cluster;
    this.zone = zone;
    this.views = views;
    this.client = client;
    this.tracking = tracking;
  }

  @Override
  public boolean isAlone() {
    return views.now().peers().size() < 2;
  }

  @Override
  public boolean isFar(String member) {
    String other = views.now().peer(member).map(Peer::zone).orElse("");
    return !zone.isEmpty() && !other.isEmpty() && !zone.equals(other);
  }

  @Override
  public long spread(BlobKey key) {
    return new Random(cluster.self().hashCode() + 31L * key.hashCode()).nextLong();
  }

  @Override
  public MemberRead open(String member, BlobKey key, long offset, long length) {
    return client.open(door(member), key, offset, length);
  }

  @Override
  public Optional<SealedDigests> digests(
      String member, BlobKey key, int stripe, int stripeCount, boolean isListKnown) {
    try {
      return client.digests(door(member), key, stripe, stripeCount, isListKnown);
    } catch (LarderException e) {
      if (e.code() == ErrorCode.CANCELLED) {
        throw e;
      }
      log.info("no digests from member={} key={} code={}", member, key, e.code());
      return Optional.empty();
    }
  }

  @Override
  public List<String> holders(BlobKey key) {
    List<String> holders;
    try {
      holders = new ArrayList<>(cluster.holders(key));
    } catch (LarderException e) {
      log.info("holders not asked key={} code={}", key, e.code());
      return List.of();
    }
    holders.removeIf(member ->
        member.equals(cluster.self())
            || tracking.isDemoted(member)
            || views.now().peer(member).map(Peer::address).orElse("").isEmpty());
    // An order of this node's own, so that not all nodes go to the same holder.
    Collections.sort(holders);
    Collections.shuffle(holders, new Random(spread(key)));
    return holders;
  }

  private MemberDoor door(String member) {
    String address = views.now().peer(member).map(Peer::address).orElse("");
    if (address.isEmpty()) {
      throw new LarderException(
          // Nobody's fault: it may be newer than this node's member list.
          ErrorCode.UNKNOWN_BLOB, "no address of member " + member + " is known");
    }
    return MemberDoor.parse(member, address);
  }
}
