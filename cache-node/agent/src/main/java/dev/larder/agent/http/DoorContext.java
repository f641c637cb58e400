package dev.larder.agent.http;

import dev.larder.agent.metrics.AgentMetrics;
import io.netty.channel.group.ChannelGroup;
import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What all connections of a door share.
 *
 * @param draining set once the door closes: answers in progress go on, no request is begun
 */
record DoorContext(
    HttpDoorConfig config,
    Gate gate,
    Workers workers,
    Dispatcher dispatcher,
    AgentMetrics metrics,
    DistributionDataPoint readSeconds,
    ChannelGroup channels,
    AtomicInteger connections,
    AtomicBoolean draining) {}
