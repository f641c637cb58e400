/**
 * The Java client: lists, reads and downloads files of datasets through the agent on this host.
 *
 * <p>Blocking, safe from platform and virtual threads, one small jar. {@link
 * dev.larder.client.LarderClient} is the entry; build one, share it, close it once.
 */
@NullMarked
package dev.larder.client;

import org.jspecify.annotations.NullMarked;
