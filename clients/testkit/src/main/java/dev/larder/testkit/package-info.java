/**
 * Helpers for tests of the other modules: a clock that is moved by hand, seeds that are printed,
 * and origin servers, real ones (S3, Azure) and one that misbehaves on order.
 *
 * <p>Servers listen on loopback, on any free port, and end with the test's JVM at the latest.
 */
@NullMarked
package dev.larder.testkit;

import org.jspecify.annotations.NullMarked;
