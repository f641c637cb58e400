/**
 * A discrete-event network that drives the cluster's real decision objects, placement and trackers:
 * what a burst of thousands of nodes costs, before there are thousands of nodes.
 */
@NullMarked
package dev.larder.perf.sim;

import org.jspecify.annotations.NullMarked;
