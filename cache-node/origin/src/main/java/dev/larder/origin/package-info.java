/**
 * Origins: where data live. Local directories, http(s), S3 and Azure Blob, behind one interface
 * that lists objects as a stream and reads ranges bound to one version of an object.
 *
 * <p>Called by the agent from virtual or platform threads; everything may block on the network.
 */
@NullMarked
package dev.larder.origin;

import org.jspecify.annotations.NullMarked;
