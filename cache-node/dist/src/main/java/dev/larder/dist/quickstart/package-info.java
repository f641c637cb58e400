/**
 * {@code larder quickstart}: the main job on real data with every process real, and a check of
 * every byte. Runs on the command's own threads.
 */
@NullMarked
package dev.larder.dist.quickstart;

import org.jspecify.annotations.NullMarked;
