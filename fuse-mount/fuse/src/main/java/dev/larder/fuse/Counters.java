package dev.larder.fuse;

import java.util.concurrent.atomic.LongAdder;

/** What a server counts; see {@link FuseStats} for the meanings. */
final class Counters {
  final LongAdder requests = new LongAdder();
  final LongAdder reads = new LongAdder();
  final LongAdder readBytes = new LongAdder();
  final LongAdder waited = new LongAdder();
  final LongAdder opens = new LongAdder();
  final LongAdder preloads = new LongAdder();
  final LongAdder passthroughOpens = new LongAdder();
  final LongAdder refusals = new LongAdder();
  final LongAdder tableFull = new LongAdder();
  final LongAdder interrupted = new LongAdder();
  final LongAdder expired = new LongAdder();
  final LongAdder faults = new LongAdder();
  final LongAdder malformed = new LongAdder();
  final LongAdder adopted = new LongAdder();
  final LongAdder answeredBefore = new LongAdder();
  final LongAdder replyErrors = new LongAdder();
}
