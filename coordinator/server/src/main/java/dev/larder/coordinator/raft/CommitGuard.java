package dev.larder.coordinator.raft;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.ratis.grpc.server.GrpcServices;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.TermIndexProto;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.thirdparty.io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import org.apache.ratis.thirdparty.io.grpc.Metadata;
import org.apache.ratis.thirdparty.io.grpc.ServerCall;
import org.apache.ratis.thirdparty.io.grpc.ServerCallHandler;
import org.apache.ratis.thirdparty.io.grpc.ServerInterceptor;
import org.apache.ratis.thirdparty.io.grpc.netty.NettyServerBuilder;
import org.jspecify.annotations.Nullable;

/**
 * Lets a leader say that entries are committed only as far as this peer's log has them as the
 * leader has them.
 *
 * <p>Ratis 3.2.2 (RaftServerImpl.appendEntriesAsync, ServerImplUtils.NavigableIndices) takes the
 * entry before those of a request as present also where it was received and still waits to be
 * written. A heartbeat waits for nobody and comes by a connection of its own: overtaking an append,
 * it made a deposed leader take an entry of its own, which the append was about to replace, for
 * committed. That was applied, read, and then lost (HistoryTest, one run in some ten on a busy
 * machine).
 *
 * <p>What is told too early here is told again by the next heartbeat. Where a leader has another
 * entry than one that is committed here, which Ratis refuses again and again without a word, it
 * says so. <b>Threads:</b> any.
 */
final class CommitGuard implements ServerInterceptor, GrpcServices.Customizer {
  private static final String APPEND = "appendEntries";

  private final Supplier<RaftServer.@Nullable Division> division;
  private final Consumer<String> diverged;

  /**
   * Guards a log.
   *
   * @param division asked at each request; null while there is none
   * @param diverged told in words when the leader's log is another than what is committed here
   */
  CommitGuard(Supplier<RaftServer.@Nullable Division> division, Consumer<String> diverged) {
    this.division = division;
    this.diverged = diverged;
  }

  @Override
  public NettyServerBuilder customize(
      NettyServerBuilder builder, EnumSet<GrpcServices.Type> types) {
    return builder.intercept(this);
  }

  @Override
  public <Q, S> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, S> call, Metadata headers, ServerCallHandler<Q, S> next) {
    ServerCall.Listener<Q> listener = next.startCall(call, headers);
    if (!APPEND.equals(call.getMethodDescriptor().getBareMethodName())) {
      return listener;
    }
    return new SimpleForwardingServerCallListener<>(listener) {
      @Override
      @SuppressWarnings("unchecked") // It is what came, or the same type.
      public void onMessage(Q message) {
        super.onMessage(
            message instanceof AppendEntriesRequestProto request ? (Q) looked(request) : message);
      }
    };
  }

  /** The request, proven; says so where it shows that the leader's log is another. */
  AppendEntriesRequestProto looked(AppendEntriesRequestProto request) {
    RaftServer.Division now = division.get();
    if (now == null) {
      return proven(request, null);
    }
    RaftLog log = now.getRaftLog();
    String other = other(request, log);
    // One who was deposed may well have other entries. Asked afterwards, as terms only grow: the
    // next leader's may have come and been committed while this one was looked at.
    if (!other.isEmpty() && request.getLeaderTerm() >= now.getInfo().getCurrentTerm()) {
      diverged.accept(other);
    }
    return proven(request, log);
  }

  /** Which entry the leader has otherwise though it is committed here, in words; else empty. */
  static String other(AppendEntriesRequestProto request, RaftLog log) {
    long committed = log.getLastCommittedIndex();
    List<TermIndex> sent = new ArrayList<>();
    if (request.hasPreviousLog()) {
      sent.add(TermIndex.valueOf(request.getPreviousLog()));
    }
    for (LogEntryProto entry : request.getEntriesList()) {
      if (entry.getIndex() > committed) {
        break;
      }
      sent.add(TermIndex.valueOf(entry));
    }
    for (TermIndex each : sent) {
      TermIndex here = each.getIndex() > committed ? null : log.getTermIndex(each.getIndex());
      if (here != null && here.getTerm() != each.getTerm()) {
        return "entry "
            + each.getIndex()
            + " is committed here of term "
            + here.getTerm()
            + ", and of term "
            + each.getTerm()
            + " at the leader of term "
            + request.getLeaderTerm();
      }
    }
    return "";
  }

  /** The request with no more committed than is known to be the same in both logs. */
  static AppendEntriesRequestProto proven(
      AppendEntriesRequestProto request, @Nullable RaftLog log) {
    long proven = log == null ? RaftLog.INVALID_LOG_INDEX : log.getLastCommittedIndex();
    if (log != null && request.hasPreviousLog()) {
      TermIndexProto previous = request.getPreviousLog();
      // One that is the same has the same before it.
      if (log.contains(TermIndex.valueOf(previous))) {
        proven = Math.max(proven, previous.getIndex());
      }
    }
    return request.getLeaderCommit() <= proven
        ? request
        : request.toBuilder().setLeaderCommit(proven).build();
  }
}
