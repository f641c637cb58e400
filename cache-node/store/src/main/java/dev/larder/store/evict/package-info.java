/**
 * The eviction policy: pure decisions about which unit goes next. No I/O, threads, clock or random
 * of its own; the store drives it under one lock.
 */
@NullMarked
package dev.larder.store.evict;

import org.jspecify.annotations.NullMarked;
