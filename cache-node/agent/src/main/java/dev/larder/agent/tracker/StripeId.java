package dev.larder.agent.tracker;

import dev.larder.protocol.BlobKey;

/** One stripe of one blob. */
public record StripeId(BlobKey key, int stripe) {}
