/**
 * Value types every Larder module shares: keys, digests, block arithmetic, names, error codes.
 *
 * <p>Everything here is immutable or a pure function, does no I/O and may be called from any
 * thread. The encodings are part of the on-disk and wire formats and never change; see {@code
 * docs/decisions/0002-keys-and-two-level-digests.md}.
 */
@NullMarked
package dev.larder.protocol;

import org.jspecify.annotations.NullMarked;
