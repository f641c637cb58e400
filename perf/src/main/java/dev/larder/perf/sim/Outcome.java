package dev.larder.perf.sim;

/**
 * What a simulated burst came to. Only nodes that lived are counted in the times.
 *
 * @param finished nodes that have the whole blob
 * @param p50Seconds half of them were done by then
 * @param p99Seconds 99 of 100 of them
 * @param lastSeconds all of them
 * @param originBytes bytes the origin sent
 * @param crossZoneBytes bytes that went from one zone to another
 * @param mostUploadBytes what the busiest node sent
 * @param meanUploadBytes what a node sent on average
 * @param events events handled
 */
public record Outcome(
    int finished,
    double p50Seconds,
    double p99Seconds,
    double lastSeconds,
    long originBytes,
    long crossZoneBytes,
    long mostUploadBytes,
    double meanUploadBytes,
    long events) {}
