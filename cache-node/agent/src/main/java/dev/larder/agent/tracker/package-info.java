/**
 * Who fetches a stripe. The tracker is a plain object: no I/O, no threads, time comes in; the agent
 * drives it for itself now, members over the network will drive it later.
 */
@NullMarked
package dev.larder.agent.tracker;

import org.jspecify.annotations.NullMarked;
