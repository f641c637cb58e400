package dev.larder.agent.peer;

import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.fill.FillEngine;
import dev.larder.agent.fill.FillMeter;
import dev.larder.agent.fill.Roots;
import dev.larder.agent.read.CachedReadPlane;
import dev.larder.agent.read.ReadConfig;
import dev.larder.agent.read.ReadPlane.BlobSource;
import dev.larder.agent.read.Sources;
import dev.larder.origin.Origin;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.BlobStore.State;
import dev.larder.store.LarderStore;
import dev.larder.store.StoreConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** One node of a {@link Fleet}: store, fills, reads, peers; all real. */
final class FleetNode implements Sources, Roots, AutoCloseable {
  final String id;
  final LarderStore store;
  final PeerNode peers;
  final FillEngine engine;
  final CachedReadPlane plane;
  private final Fleet fleet;

  FleetNode(Fleet fleet, String id, String zone, Path directory, PeerConfig peer, FillConfig fill) {
    this.fleet = fleet;
    this.id = id;
    this.store = LarderStore.open(StoreConfig.defaults(directory).withBudget(0, 0));
    this.peers =
        new PeerNode(peer, fill, fleet.cluster(id), zone, store, () -> fleet.materialOf(id));
    this.engine =
        new FillEngine(fill, store, this, FillMeter.NONE, peers.tracking(), peers.members());
    this.plane =
        new CachedReadPlane(ReadConfig.defaults(), store, engine, this, fill.siblingsMax());
    peers.start(engine);
    engine.start();
  }

  String address() {
    return peers.address("", null).get();
  }

  long peerBytes() {
    return engine.counters().peerBytes.sum();
  }

  long farBytes() {
    return engine.counters().peerFarBytes.sum();
  }

  long originBytes() {
    return engine.counters().originBytes.sum();
  }

  long wrongBlocks() {
    return engine.counters().peerWrongBlocks.sum();
  }

  boolean isSealed(OriginObject object) {
    return store.find(object.key()).filter(info -> info.state() == State.SEALED).isPresent();
  }

  @Override
  public Origin origin(String dataset) {
    return fleet.origin;
  }

  @Override
  public Optional<BlobSource> sourceOf(BlobKey key) {
    return Optional.empty();
  }

  @Override
  public List<BlobSource> siblings(String dataset, String afterPath, int max) {
    return List.of();
  }

  @Override
  public Optional<Digest> expected(BlobKey key) {
    return fleet.root(key);
  }

  @Override
  public void sealed(SealedInfo info) {
    fleet.sealed(id, info);
  }

  @Override
  public void close() {
    plane.close();
    peers.close();
    engine.close();
    store.close();
  }
}
