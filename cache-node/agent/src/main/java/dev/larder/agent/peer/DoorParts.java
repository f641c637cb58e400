package dev.larder.agent.peer;

import dev.larder.agent.fill.FillEngine;
import dev.larder.store.BlobStore;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.LongAdder;

/**
 * What all connections of a peer door share.
 *
 * @param workers throws RejectedExecutionException beyond {@code peer.requests-max}
 * @param buffers one permit each buffer of {@code peer.buffers-max}
 */
record DoorParts(
    PeerConfig config,
    BlobStore store,
    FillEngine engine,
    TrackerService tracker,
    Executor workers,
    Semaphore buffers,
    RateCap upload,
    LongAdder sentBytes,
    LongAdder refused) {}
