/**
 * The agent: brings blobs from origins into the store, streams them to readers meanwhile, and
 * serves them at its front door.
 */
@NullMarked
package dev.larder.agent;

import org.jspecify.annotations.NullMarked;
