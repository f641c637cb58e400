package dev.larder.agent.mount;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import java.nio.file.Path;
import java.util.List;

/** An agent that mounts nothing. */
public final class NoMounts implements Mounts, MountHooks {
  @Override
  public MountInfo mount(MountSpec spec) {
    throw new LarderException(ErrorCode.UNSUPPORTED, "this agent was started without mounts");
  }

  @Override
  public void unmount(Path target, UnmountMode mode) {
    throw new LarderException(ErrorCode.UNKNOWN_MOUNT, "nothing of Larder is mounted at " + target);
  }

  @Override
  public void detachDead(Path target) {
    throw new LarderException(ErrorCode.UNSUPPORTED, "this agent was started without mounts");
  }

  @Override
  public List<MountInfo> list() {
    return List.of();
  }

  @Override
  public long pack(SnapshotRef snapshot) {
    throw new LarderException(ErrorCode.UNSUPPORTED, "this agent was started without mounts");
  }

  @Override
  public boolean isMounted(SnapshotRef snapshot) {
    return false;
  }

  @Override
  public void onRefreshed(DatasetName name) {
    // Nothing to exchange.
  }

  @Override
  public void checkDelete(DatasetName name) {
    // Nothing in the way.
  }

  @Override
  public void onCatalogGone(BlobKey catalog) {
    // Nothing was made from it.
  }
}
