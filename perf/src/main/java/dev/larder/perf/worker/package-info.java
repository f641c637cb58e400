/** Main classes of processes that a measure starts to have a heap and a start of their own. */
@NullMarked
package dev.larder.perf.worker;

import org.jspecify.annotations.NullMarked;
