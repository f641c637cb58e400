/** The eviction policy: pure decisions about which unit goes next. */
@NullMarked
package dev.larder.store.evict;

import org.jspecify.annotations.NullMarked;
