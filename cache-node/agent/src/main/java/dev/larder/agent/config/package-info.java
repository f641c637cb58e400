/** Configuration of the agent, and how it keeps small files of its own. Any thread. */
@NullMarked
package dev.larder.agent.config;

import org.jspecify.annotations.NullMarked;
