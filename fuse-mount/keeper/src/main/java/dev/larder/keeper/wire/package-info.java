/**
 * Messages between the keeper and those who ask it: encoding and checking, no sockets. Both sides
 * use it; the page docs/internals/mount.md has the list of requests.
 */
@NullMarked
package dev.larder.keeper.wire;

import org.jspecify.annotations.NullMarked;
