package dev.larder.erofs;

/**
 * What an image holds.
 *
 * @param files regular files
 * @param directories directories, the root among them
 * @param symlinks symbolic links
 * @param bytes sum of the sizes of the files; what the blobs hold, not what the image takes
 */
public record CatalogTotals(long files, long directories, long symlinks, long bytes) {}
