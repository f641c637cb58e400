/** The agent's metrics: one class holds every name, with unit and help. Any thread. */
@NullMarked
package dev.larder.agent.metrics;

import org.jspecify.annotations.NullMarked;
