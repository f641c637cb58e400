/** Processes under test: start, wait until ready, CPU and memory from /proc, end. */
@NullMarked
package dev.larder.perf.process;

import org.jspecify.annotations.NullMarked;
