package dev.larder.fuse;

/**
 * Figures of a server since its start.
 *
 * @param requests requests read
 * @param reads READs answered with bytes
 * @param readBytes their bytes
 * @param waited requests that were handed to a worker
 * @param opens OPENs granted
 * @param preloads those of them that put the file's bytes into the page cache
 * @param passthroughOpens those of them the kernel reads by itself
 * @param refusals backings the kernel refused
 * @param tableFull look-ups answered ENFILE
 * @param interrupted requests whose reader gave up
 * @param expired requests that came to their deadline
 * @param faults requests answered EIO or ESTALE for another fault
 * @param malformed requests answered EINVAL as no kernel should send them
 * @param adopted requests found in the slots at the start
 * @param answeredBefore replies to requests that the former agent had answered
 * @param replyErrors replies the kernel did not take
 * @param slotsInUse requests in flight now
 * @param rows blobs the kernel knows now
 * @param openFiles blobs the kernel has open now, passthrough left out
 * @param backings files the kernel reads by itself now
 * @param workers threads that work on requests now
 * @param bufferBytes memory of replies
 */
public record FuseStats(
    long requests,
    long reads,
    long readBytes,
    long waited,
    long opens,
    long preloads,
    long passthroughOpens,
    long refusals,
    long tableFull,
    long interrupted,
    long expired,
    long faults,
    long malformed,
    long adopted,
    long answeredBefore,
    long replyErrors,
    int slotsInUse,
    int rows,
    int openFiles,
    int backings,
    int workers,
    long bufferBytes) {}
