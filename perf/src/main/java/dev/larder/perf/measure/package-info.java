/** The measures, one class each. */
@NullMarked
package dev.larder.perf.measure;

import org.jspecify.annotations.NullMarked;
