/**
 * The agent's front door: HTTP/1.1 over Netty as docs/HTTP.md says. Event loops parse requests and
 * write answers; whatever may wait runs on the door's worker threads. The classes that make answers
 * know the agent only through its interfaces.
 */
@NullMarked
package dev.larder.agent.http;

import org.jspecify.annotations.NullMarked;
