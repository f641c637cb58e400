/** Which member tracks a stripe: a pure function of the member list, the same on every node. */
@NullMarked
package dev.larder.protocol.placement;

import org.jspecify.annotations.NullMarked;
