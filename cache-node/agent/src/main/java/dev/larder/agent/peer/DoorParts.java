package dev.larder.agent.peer;

import dev.larder.agent.fill.FillEngine;
import dev.larder.store.BlobStore;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * What all connections of a peer door share.
 *
 * @param tls null where {@code peer.tls} is off, and nobody's name is proved
 * @param digests remembers an eighth of {@code peer.buffers-max}
 * @param workers throws RejectedExecutionException beyond {@code peer.requests-max}
 * @param buffers one permit each buffer of {@code peer.buffers-max}
 */
record DoorParts(
    PeerConfig config,
    @Nullable PeerTls tls,
    BlobStore store,
    FillEngine engine,
    StoredDigests digests,
    TrackerService tracker,
    Executor workers,
    Semaphore buffers,
    DoorBodies bodies,
    RateCap upload,
    LongAdder sentBytes,
    LongAdder refused,
    LongAdder foreignNames,
    LongAdder untrusted,
    AtomicInteger rangeConnections,
    AtomicInteger askConnections) {}
