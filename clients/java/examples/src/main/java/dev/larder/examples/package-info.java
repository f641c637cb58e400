/**
 * Programs that use the Java client, one task each; {@code clients/java/README.md} shows their
 * code. Each finds the agent of this host by itself, or by the variable {@code LARDER_AGENT}.
 */
@NullMarked
package dev.larder.examples;

import org.jspecify.annotations.NullMarked;
