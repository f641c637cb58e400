package dev.larder.erofs;

/**
 * An entry that was left out of a catalog.
 *
 * @param path as it was listed; may hold characters unfit for a terminal
 * @param reason why
 */
public record SkippedEntry(String path, SkipReason reason) {}
