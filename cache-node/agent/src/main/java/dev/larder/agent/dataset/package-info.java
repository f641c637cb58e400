/** Datasets and snapshots on this node: definitions, catalogs, paths. */
@NullMarked
package dev.larder.agent.dataset;

import org.jspecify.annotations.NullMarked;
