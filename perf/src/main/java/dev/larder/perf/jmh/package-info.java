/** JMH benchmarks of the store's hot paths. */
@NullMarked
package dev.larder.perf.jmh;

import org.jspecify.annotations.NullMarked;
