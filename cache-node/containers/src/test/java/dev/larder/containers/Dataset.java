package dev.larder.containers;

import java.util.List;

/**
 * What was put into the bucket below a prefix of the dataset's own name.
 *
 * @param paths of its files
 * @param bytes of all of them
 */
record Dataset(String name, List<String> paths, long bytes) {}
