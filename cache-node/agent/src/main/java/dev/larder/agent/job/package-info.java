/** Long work on behalf of a user: warm-ups and pins. */
@NullMarked
package dev.larder.agent.job;

import org.jspecify.annotations.NullMarked;
