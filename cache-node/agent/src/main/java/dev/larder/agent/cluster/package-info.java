/** The members of the cluster as this node knows them. */
@NullMarked
package dev.larder.agent.cluster;

import org.jspecify.annotations.NullMarked;
