package dev.larder.coordinator.api;

/** A snapshot of a dataset and the number it was given; numbers count up from 1, with gaps. */
public record SnapshotDefinition(long number, NewSnapshot content) {}
