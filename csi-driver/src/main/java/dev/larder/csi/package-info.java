/**
 * Datasets as volumes of pods: the CSI services, the registration with kubelet, and what is
 * published where. Served by the agent on Unix sockets; what it mounts outlives the agent with the
 * keeper. The distribution starts it with the node's datasets and mounts.
 */
@NullMarked
package dev.larder.csi;

import org.jspecify.annotations.NullMarked;
