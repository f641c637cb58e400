/**
 * Identities between processes: the certificate authority that development mode makes for itself.
 * Called at start, by one thread.
 */
@NullMarked
package dev.larder.coordinator.tls;

import org.jspecify.annotations.NullMarked;
