package dev.larder.agent.fill;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** Totals since start. Any thread. */
public final class FillCounters {
  /** Bytes that origins delivered. */
  public final LongAdder originBytes = new LongAdder();

  /** Requests for data sent to origins (retries inside of one not counted). */
  public final LongAdder originRequests = new LongAdder();

  /** Requests that ended with a fault of the origin. */
  public final LongAdder originErrors = new LongAdder();

  /** Requests given up because nobody wanted their bytes any more. */
  public final LongAdder cancelledRuns = new LongAdder();

  /** Bytes handed to readers past a store that would not take them. */
  public final LongAdder passThroughBytes = new LongAdder();

  /** Requests made past the store. */
  public final LongAdder passThroughReads = new LongAdder();

  /** Writes, commits and seals the store refused. */
  public final LongAdder storeErrors = new LongAdder();

  /** Blobs whose content was not what key, root or checksum promised. */
  public final LongAdder integrityFailures = new LongAdder();

  /** Damaged local blocks or blobs that were fetched again. */
  public final LongAdder refetches = new LongAdder();

  /** Blobs sealed. */
  public final LongAdder sealedBlobs = new LongAdder();

  /** Small files fetched ahead of their reader. */
  public final LongAdder siblingFetches = new LongAdder();

  /** Bytes that other members delivered. */
  public final LongAdder peerBytes = new LongAdder();

  /** Those of them that came from another zone, where both zones are known. */
  public final LongAdder peerFarBytes = new LongAdder();

  /** Those of all that were right and whole blocks, and kept. */
  public final LongAdder peerKeptBytes = new LongAdder();

  /** Ranges asked of other members. */
  public final LongAdder peerRequests = new LongAdder();

  /** Those of them that did not bring the whole range. */
  public final LongAdder peerFaults = new LongAdder();

  /** Blocks and digests of other members that were not what they must be. */
  public final LongAdder peerWrongBlocks = new LongAdder();

  private final FillMeter meter;

  /** Totals that are told to a meter, too. */
  public FillCounters(FillMeter meter) {
    this.meter = meter;
  }

  /** A request for data was answered to its end, or failed. */
  public void requestEnded(FillSource source, @Nullable LarderException fault) {
    originRequests.increment();
    if (fault != null && fault.code() != ErrorCode.CANCELLED && !Faults.isOfStore(fault)) {
      originErrors.increment();
      meter.originRequest(source.kind(), fault.code().name());
    } else {
      meter.originRequest(source.kind(), "ok");
    }
  }

  /** Bytes came. */
  public void bytesCame(FillSource source, long count) {
    originBytes.add(count);
    meter.originBytes(source.kind(), count);
  }

  /** Bytes came from a member. */
  public void peerBytesCame(boolean isFar, long count) {
    peerBytes.add(count);
    if (isFar) {
      peerFarBytes.add(count);
    }
  }

  /** A blob's content was not what key, root or checksum promised. */
  public void originWasWrong() {
    integrityFailures.increment();
    meter.integrityFailure("origin");
  }

  /** A member sent what its digest does not vouch for. */
  public void peerWasWrong() {
    peerWrongBlocks.increment();
    meter.integrityFailure("peer");
  }

  /** Something damaged on disk is fetched again. */
  public void diskWasWrong() {
    refetches.increment();
    meter.integrityFailure("disk");
  }

  /** All of them by metric name, without prefix. */
  public Map<String, Long> snapshot() {
    Map<String, Long> out = new LinkedHashMap<>();
    out.put("origin_bytes_total", originBytes.sum());
    out.put("origin_requests_total", originRequests.sum());
    out.put("origin_errors_total", originErrors.sum());
    out.put("cancelled_runs_total", cancelledRuns.sum());
    out.put("passthrough_bytes_total", passThroughBytes.sum());
    out.put("passthrough_reads_total", passThroughReads.sum());
    out.put("store_errors_total", storeErrors.sum());
    out.put("integrity_failures_total", integrityFailures.sum());
    out.put("refetches_total", refetches.sum());
    out.put("fill_sealed_blobs_total", sealedBlobs.sum());
    out.put("sibling_fetches_total", siblingFetches.sum());
    out.put("peer_bytes_total", peerBytes.sum());
    out.put("peer_far_bytes_total", peerFarBytes.sum());
    out.put("peer_kept_bytes_total", peerKeptBytes.sum());
    out.put("peer_requests_total", peerRequests.sum());
    out.put("peer_faults_total", peerFaults.sum());
    out.put("peer_wrong_blocks_total", peerWrongBlocks.sum());
    return out;
  }
}
