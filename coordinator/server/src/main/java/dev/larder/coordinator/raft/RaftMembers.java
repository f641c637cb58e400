package dev.larder.coordinator.raft;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.ratis.proto.RaftProtos.CommitInfoProto;
import org.apache.ratis.proto.RaftProtos.RoleInfoProto;
import org.apache.ratis.proto.RaftProtos.ServerRpcProto;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerConfigKeys;
import org.jspecify.annotations.Nullable;

/**
 * The group as one peer sees it.
 *
 * @param peers ordered by id
 * @param answering how many the leader hears, itself counted; 0 where another was asked
 * @param hasMajority whether changes can be made, as far as this peer knows
 * @param silent ids of those that the leader does not hear; empty where another was asked
 */
public record RaftMembers(
    List<Peer> peers, int answering, boolean hasMajority, List<String> silent) {
  /** Copies the lists. */
  public RaftMembers {
    peers = List.copyOf(peers);
    silent = List.copyOf(silent);
  }

  /**
   * One peer.
   *
   * @param silentMillis since the leader heard it; -1 where the asked one leads not
   * @param lastIndex last entry it is known to have committed; -1 where nothing is known
   */
  public record Peer(String id, String address, boolean leads, long silentMillis, long lastIndex) {}

  /** Whether this peer believes that it leads. */
  static boolean leads(RaftServer.Division division) {
    return division.getInfo().isLeader();
  }

  /**
   * Whether a majority, this peer counted, answered it as their leader within a time before now;
   * false where it leads not.
   */
  static boolean isHeardWithin(RaftServer.Division division, long millis) {
    RoleInfoProto role = division.getInfo().getRoleInfoProto();
    if (!role.hasLeaderInfo()) {
      return false;
    }
    int size = division.getRaftConf().getCurrentPeers().size();
    int heard = 1;
    for (RaftPeer peer : division.getRaftConf().getCurrentPeers()) {
      ServerRpcProto follower =
          peer.getId().equals(division.getId()) ? null : heard(role, peer.getId());
      if (follower != null && follower.getLastRpcElapsedTimeMs() <= millis) {
        heard++;
      }
    }
    return 2 * heard > size;
  }

  static RaftMembers of(RaftServer.Division division) {
    RoleInfoProto role = division.getInfo().getRoleInfoProto();
    RaftPeerId leader = division.getInfo().getLeaderId();
    long patience =
        RaftServerConfigKeys.Rpc.timeoutMax(division.getRaftServer().getProperties())
            .toLong(java.util.concurrent.TimeUnit.MILLISECONDS);
    List<Peer> peers = new ArrayList<>();
    List<String> unheard = new ArrayList<>();
    int answering = 0;
    boolean leads = role.hasLeaderInfo();
    for (RaftPeer peer : division.getRaftConf().getCurrentPeers()) {
      boolean self = peer.getId().equals(division.getId());
      ServerRpcProto heard = leads && !self ? heard(role, peer.getId()) : null;
      long silent = self ? 0 : heard == null ? -1 : heard.getLastRpcElapsedTimeMs();
      boolean answers = leads && silent >= 0 && silent <= patience;
      answering += answers ? 1 : 0;
      if (leads && !answers) {
        unheard.add(peer.getId().toString());
      }
      long last =
          division.getCommitInfos().stream()
              .filter(info -> info.getServer().getId().equals(peer.getId().toByteString()))
              .mapToLong(CommitInfoProto::getCommitIndex)
              .max()
              .orElse(-1);
      peers.add(
          new Peer(
              peer.getId().toString(),
              peer.getAddress(),
              peer.getId().equals(leader),
              silent,
              last));
    }
    peers.sort(Comparator.comparing(Peer::id));
    unheard.sort(Comparator.naturalOrder());
    boolean majority =
        leads
            ? 2 * answering > peers.size()
            : leader != null
                && role.hasFollowerInfo()
                && role.getFollowerInfo().getLeaderInfo().getLastRpcElapsedTimeMs() <= patience;
    return new RaftMembers(peers, answering, majority, unheard);
  }

  private static @Nullable ServerRpcProto heard(RoleInfoProto role, RaftPeerId id) {
    for (ServerRpcProto follower : role.getLeaderInfo().getFollowerInfoList()) {
      if (follower.getId().getId().equals(id.toByteString())) {
        return follower;
      }
    }
    return null;
  }
}
