/**
 * A short life of the whole program, run once after the installation, from which the JVM makes the
 * archive that lets the processes start in half the time.
 */
@NullMarked
package dev.larder.dist.prepare;

import org.jspecify.annotations.NullMarked;
