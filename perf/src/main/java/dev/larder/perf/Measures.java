package dev.larder.perf;

import dev.larder.perf.measure.AgentMemory;
import dev.larder.perf.measure.CatalogMillion;
import dev.larder.perf.measure.ClientSealed;
import dev.larder.perf.measure.ColdRead;
import dev.larder.perf.measure.CoordinatorEtcd;
import dev.larder.perf.measure.CoordinatorMillion;
import dev.larder.perf.measure.CsiPublish;
import dev.larder.perf.measure.LargeHit;
import dev.larder.perf.measure.MountCold;
import dev.larder.perf.measure.MountIncomplete;
import dev.larder.perf.measure.MountKillPause;
import dev.larder.perf.measure.MountMeta;
import dev.larder.perf.measure.MountSealed;
import dev.larder.perf.measure.MountSmallFiles;
import dev.larder.perf.measure.MountTwoSnapshots;
import dev.larder.perf.measure.PeerFour;
import dev.larder.perf.measure.PeerLink;
import dev.larder.perf.measure.PeerServe;
import dev.larder.perf.measure.SharedRead;
import dev.larder.perf.measure.SimulatedBurst;
import dev.larder.perf.measure.SmallFiles;
import dev.larder.perf.measure.SmallHit;
import dev.larder.perf.measure.StoreMillion;
import dev.larder.perf.measure.TrackerAsks;
import java.util.List;

/** All measures in the order they run. */
final class Measures {
  private Measures() {}

  static List<Measure> all() {
    return List.of(
        new LargeHit(),
        new SmallHit(),
        new ClientSealed(),
        ColdRead.limited(),
        ColdRead.unlimited(),
        new SharedRead(),
        new SmallFiles(),
        new CatalogMillion(),
        new StoreMillion(),
        new AgentMemory(),
        new MountSealed(),
        new MountTwoSnapshots(),
        new MountCold(),
        new MountIncomplete(),
        new MountSmallFiles(),
        new MountKillPause(),
        new MountMeta(),
        new PeerServe(),
        new PeerFour(),
        new PeerLink(),
        new TrackerAsks(),
        new CoordinatorEtcd(),
        new CoordinatorMillion(),
        new CsiPublish(),
        new SimulatedBurst());
  }
}
