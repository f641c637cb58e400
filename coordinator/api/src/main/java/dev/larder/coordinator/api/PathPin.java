package dev.larder.coordinator.api;

import java.time.Instant;

/** A pin that stands: its id is assigned once for a dataset, snapshot and glob. */
public record PathPin(String id, NewPin pin, Instant createdAt) {}
