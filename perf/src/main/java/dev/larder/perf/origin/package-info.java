/**
 * A raw HTTP and S3 file server, fast enough to be the baseline of cold reads, with an access log.
 */
@NullMarked
package dev.larder.perf.origin;

import org.jspecify.annotations.NullMarked;
