/** HTTP clients that cost little, so that the server is what is measured. */
@NullMarked
package dev.larder.perf.http;

import org.jspecify.annotations.NullMarked;
