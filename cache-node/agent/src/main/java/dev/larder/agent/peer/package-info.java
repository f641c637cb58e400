/**
 * Nodes among themselves: the door that serves other members, the client that reads from them, and
 * the asks and reports of this node's fills. docs/internals/peers.md describes the wire.
 */
@NullMarked
package dev.larder.agent.peer;

import org.jspecify.annotations.NullMarked;
