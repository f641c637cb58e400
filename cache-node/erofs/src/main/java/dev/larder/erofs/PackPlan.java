package dev.larder.erofs;

/**
 * What packing a catalog will come to.
 *
 * @param files files whose bytes go into the image
 * @param bytes sum of their sizes; equal keys count each time
 * @param imageBytes length of the packed image
 */
public record PackPlan(long files, long bytes, long imageBytes) {}
