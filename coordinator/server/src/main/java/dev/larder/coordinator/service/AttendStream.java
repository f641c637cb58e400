package dev.larder.coordinator.service;

import dev.larder.coordinator.api.CoordinatorClient.Attendance;
import dev.larder.coordinator.api.CoordinatorClient.AttendanceListener;
import dev.larder.coordinator.api.GrpcStatuses;
import dev.larder.coordinator.api.HoldingReport;
import dev.larder.coordinator.api.MemberChange;
import dev.larder.coordinator.api.Protos;
import dev.larder.coordinator.api.WorkProtos;
import dev.larder.coordinator.api.v1.AgentReport;
import dev.larder.coordinator.api.v1.CoordinatorNotice;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import org.jspecify.annotations.Nullable;

/**
 * One agent's stream. Reports are taken one by one (gRPC asks for the next when one is durable),
 * each answered by the count so far; epochs come in between.
 *
 * <p>Reports arrive on the call's thread, epochs on the teller's: both write under this lock.
 */
final class AttendStream implements StreamObserver<AgentReport>, AttendanceListener {
  private final LocalCoordinator coordinator;
  private final int batchMax;
  private final Caller caller;
  private final StreamObserver<CoordinatorNotice> out;
  private volatile @Nullable Attendance attendance;
  private String memberId = "";
  private long acknowledged;
  private long epoch;
  private long work;
  private long knownEpoch;
  private @Nullable MemberChange change;
  private boolean over;

  AttendStream(
      LocalCoordinator coordinator,
      int batchMax,
      Caller caller,
      StreamObserver<CoordinatorNotice> out) {
    this.caller = caller;
    this.coordinator = coordinator;
    this.batchMax = batchMax;
    this.out = out;
    if (out instanceof ServerCallStreamObserver<CoordinatorNotice> call) {
      // Without a handler, writing to a call that was cancelled throws.
      call.setOnCancelHandler(this::cancelled);
    }
  }

  @Override
  public void onNext(AgentReport report) {
    try {
      caller.requireTrust();
      Checks.batch(report.getNowHoldingCount() + report.getGoneCount(), batchMax);
      attendAs(report.getMemberId(), report.getKnownEpoch());
      if (report.getComplete() && report.getGoneCount() > 0) {
        throw new LarderException(ErrorCode.BAD_REQUEST, "gone must be empty in a complete report");
      }
      coordinator.report(
          memberId,
          new HoldingReport(
              Protos.readKeys(report.getNowHoldingList()),
              Protos.readKeys(report.getGoneList()),
              report.getComplete(),
              report.getUsedBytes(),
              WorkProtos.read(report)));
    } catch (RuntimeException e) {
      finish(e);
      return;
    }
    synchronized (this) {
      acknowledged++;
      send();
    }
  }

  @Override
  public void onError(Throwable broken) {
    cancelled();
  }

  @Override
  public void onCompleted() {
    finish(null);
  }

  @Override
  public long knownEpoch() {
    return knownEpoch;
  }

  @Override
  public synchronized void members(MemberChange news) {
    change = news;
  }

  @Override
  public void epoch(long now) {
    if (isTrusted()) {
      synchronized (this) {
        epoch = now;
        send();
      }
    }
  }

  @Override
  public void work(long version) {
    if (isTrusted()) {
      synchronized (this) {
        work = version;
        send();
      }
    }
  }

  /** Nothing of the cluster goes to whom is trusted no more; the stream ends with that. */
  private boolean isTrusted() {
    try {
      caller.requireTrust();
      return true;
    } catch (LarderException e) {
      finish(e);
      return false;
    }
  }

  @Override
  public void ended(LarderException cause) {
    finish(cause);
  }

  private void attendAs(String id, long itsEpoch) {
    if (attendance == null) {
      knownEpoch = itsEpoch;
      Checks.memberId(id);
      caller.speakFor(id);
      memberId = id;
      attendance = coordinator.attend(id, this);
    } else if (!memberId.equals(id)) {
      throw new LarderException(ErrorCode.BAD_REQUEST, "member_id must stay the same on a stream");
    }
  }

  private void send() {
    if (!over) {
      CoordinatorNotice.Builder notice =
          CoordinatorNotice.newBuilder()
              .setEpoch(epoch)
              .setAcknowledgedReports(acknowledged)
              .setWork(work);
      MemberChange news = change;
      // Who does not read asks for the list later: nothing large may queue up for it.
      if (news != null && news.epoch() == epoch && isReady()) {
        notice.setChange(Protos.write(news));
      }
      change = null;
      out.onNext(notice.build());
    }
  }

  private boolean isReady() {
    return !(out instanceof ServerCallStreamObserver<CoordinatorNotice> call) || call.isReady();
  }

  private void finish(@Nullable RuntimeException failure) {
    synchronized (this) {
      if (!over) {
        over = true;
        if (failure == null) {
          out.onCompleted();
        } else {
          out.onError(
              failure instanceof LarderException known
                  ? GrpcStatuses.toGrpc(known)
                  : CoordinatorService.fault(failure));
        }
      }
    }
    leave();
  }

  private void cancelled() {
    synchronized (this) {
      over = true;
    }
    leave();
  }

  private void leave() {
    Attendance open = attendance;
    if (open != null) {
      open.close();
    }
  }
}
