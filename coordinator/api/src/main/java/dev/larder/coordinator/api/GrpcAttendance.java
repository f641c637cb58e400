package dev.larder.coordinator.api;

import dev.larder.coordinator.api.CoordinatorClient.Attendance;
import dev.larder.coordinator.api.CoordinatorClient.AttendanceListener;
import dev.larder.coordinator.api.v1.AgentReport;
import dev.larder.coordinator.api.v1.CoordinatorGrpc.CoordinatorStub;
import dev.larder.coordinator.api.v1.CoordinatorNotice;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One open stream of reports. A report waits for its acknowledgement, so at most one message per
 * stream is on its way.
 *
 * <p>Reporters hold {@code turn} while they send and wait; {@code state} guards the fields and is
 * never held while calling out.
 */
final class GrpcAttendance implements Attendance {
  private final String memberId;
  private final AttendanceListener listener;
  private final CoordinatorClientConfig config;
  private final Supplier<Pulse.Watch> pulse;
  private final BooleanSupplier isOld;
  private final ReentrantLock turn = new ReentrantLock(true);
  private final ReentrantLock state = new ReentrantLock();
  private final Condition changed = state.newCondition();
  private @Nullable ClientCallStreamObserver<AgentReport> call;
  private long sent;
  private long acknowledged;
  private long epoch = -1;
  private long work = -1;
  private @Nullable LarderException over;

  private GrpcAttendance(
      String memberId,
      AttendanceListener listener,
      Supplier<Pulse.Watch> pulse,
      BooleanSupplier isOld,
      CoordinatorClientConfig config) {
    this.isOld = isOld;
    this.memberId = memberId;
    this.listener = listener;
    this.pulse = pulse;
    this.config = config;
  }

  /**
   * Opens the stream.
   *
   * @param pulse looks after the coordinator while a report waits
   * @param isOld whether its connection is to be made anew
   */
  static GrpcAttendance open(
      CoordinatorStub stub,
      String memberId,
      AttendanceListener listener,
      Supplier<Pulse.Watch> pulse,
      BooleanSupplier isOld,
      CoordinatorClientConfig config) {
    GrpcAttendance attendance = new GrpcAttendance(memberId, listener, pulse, isOld, config);
    stub.attend(attendance.new Notices());
    return attendance;
  }

  @Override
  public void report(HoldingReport report) {
    turn.lock();
    try {
      for (HoldingReport part : Batches.of(report, config.batchMax())) {
        try (Pulse.Watch _ = pulse.get()) {
          send(part);
        }
      }
    } finally {
      turn.unlock();
    }
  }

  @Override
  public boolean isDue() {
    return isOld.getAsBoolean();
  }

  private void send(HoldingReport part) {
    state.lock();
    try {
      check();
      ClientCallStreamObserver<AgentReport> open = call;
      if (open == null) {
        throw new LarderException(ErrorCode.INTERNAL, "the stream of reports did not start");
      }
      AgentReport.Builder message =
          AgentReport.newBuilder()
              .setMemberId(memberId)
              .addAllNowHolding(Protos.writeKeys(part.nowHolding()))
              .addAllGone(Protos.writeKeys(part.gone()))
              .setComplete(part.complete())
              .setUsedBytes(part.usedBytes())
              .setKnownEpoch(sent == 0 ? listener.knownEpoch() : 0);
      part.progress().ifPresent(progress -> WorkProtos.write(progress, message));
      open.onNext(message.build());
      sent++;
      long left = config.deadline().toNanos();
      while (acknowledged < sent && over == null) {
        if (left <= 0) {
          // A late acknowledgement would be taken for another report's.
          end(new LarderException(ErrorCode.DEADLINE, "a report was not acknowledged in time"));
          break;
        }
        left = changed.awaitNanos(left);
      }
      check();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      LarderException fault =
          new LarderException(ErrorCode.CANCELLED, "interrupted while reporting", e);
      end(fault);
      throw fault;
    } finally {
      state.unlock();
    }
  }

  @Override
  public void close() {
    state.lock();
    try {
      end(new LarderException(ErrorCode.CLOSED, "the stream of reports is closed"));
    } finally {
      state.unlock();
    }
  }

  private void check() {
    if (over != null) {
      throw new LarderException(over.code(), String.valueOf(over.getMessage()), over);
    }
  }

  /** Holding {@code state}: ends the stream from this side, without telling the listener. */
  private void end(LarderException cause) {
    if (over == null) {
      over = cause;
      changed.signalAll();
      if (call != null) {
        call.cancel("stream closed", cause);
      }
    }
  }

  private final class Notices implements ClientResponseObserver<AgentReport, CoordinatorNotice> {
    @Override
    public void beforeStart(ClientCallStreamObserver<AgentReport> started) {
      call = started;
    }

    @Override
    public void onNext(CoordinatorNotice notice) {
      boolean news;
      boolean newWork;
      state.lock();
      try {
        acknowledged = notice.getAcknowledgedReports();
        changed.signalAll();
        news = notice.getEpoch() > epoch && over == null;
        epoch = Math.max(epoch, notice.getEpoch());
        newWork = notice.getWork() != work && over == null;
        work = notice.getWork();
      } finally {
        state.unlock();
      }
      if (news) {
        if (notice.hasChange()) {
          listener.members(Protos.read(notice.getChange()));
        }
        listener.epoch(notice.getEpoch());
      }
      if (newWork) {
        listener.work(notice.getWork());
      }
    }

    @Override
    public void onError(Throwable failure) {
      ended(GrpcStatuses.fromGrpc(failure));
    }

    @Override
    public void onCompleted() {
      ended(GrpcStatuses.fromGrpc(Status.UNAVAILABLE.asRuntimeException()));
    }

    private void ended(LarderException cause) {
      boolean first;
      state.lock();
      try {
        first = over == null;
        if (first) {
          over = cause;
          changed.signalAll();
        }
      } finally {
        state.unlock();
      }
      if (first) {
        listener.ended(cause);
      }
    }
  }
}
