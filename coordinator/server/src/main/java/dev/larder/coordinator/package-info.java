/**
 * The coordinator as a whole: configuration, start and end. Called by the distribution's wiring.
 */
@NullMarked
package dev.larder.coordinator;

import org.jspecify.annotations.NullMarked;
