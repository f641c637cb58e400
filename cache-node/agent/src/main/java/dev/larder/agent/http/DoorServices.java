package dev.larder.agent.http;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.QuickStat;
import dev.larder.agent.job.Jobs;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.mount.Mounts;
import dev.larder.agent.read.LocalSmall;
import dev.larder.agent.read.ReadPlane;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.store.BlobStore;

/**
 * What the front door serves. None of it is closed by the door.
 *
 * @param localSmall small blobs answered on the event loop
 * @param quickStat paths looked up on the event loop
 * @param coordinator what is asked about the cluster
 */
public record DoorServices(
    ReadPlane reads,
    LocalSmall localSmall,
    Datasets datasets,
    QuickStat quickStat,
    Jobs jobs,
    Mounts mounts,
    BlobStore store,
    NodeState node,
    AgentMetrics metrics,
    CoordinatorClient coordinator) {}
