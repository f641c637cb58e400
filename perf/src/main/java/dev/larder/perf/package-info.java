/**
 * Measurements: the harness of {@code perf/run}, and what it prints.
 *
 * <p>A {@link dev.larder.perf.Measure} takes its baseline in the same run, round by round, and
 * hands over {@link dev.larder.perf.Figure figures}. Servers under test are processes of their own.
 */
@NullMarked
package dev.larder.perf;

import org.jspecify.annotations.NullMarked;
