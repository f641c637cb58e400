package dev.larder.keeper;

import dev.larder.keeper.wire.MountedView;
import dev.larder.linux.Errno;
import dev.larder.linux.LinuxException;
import dev.larder.linux.MountEntry;
import dev.larder.linux.MountTable;
import dev.larder.linux.Unmount;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Takes a mount away without an agent: by the keeper, and where none answers either, by the kernel.
 *
 * <p><b>Threads:</b> any. <b>Errors:</b> LarderException: UNKNOWN_MOUNT when nothing of Larder is
 * there, MOUNT_FAILED with the kernel's words.
 */
public final class KeeperUnmount {
  private static final int KEEPER_SECONDS = 4;

  private KeeperUnmount() {}

  /**
   * Unmounts although files are open; returns within seconds.
   *
   * @param target where it is mounted, with links or without
   * @param force whether reads that wait are to end with an error
   * @param runDirectories where a keeper may be
   * @return who did it, for people
   */
  public static String run(Path target, boolean force, List<Path> runDirectories) {
    for (Path run : runDirectories) {
      FutureTask<Boolean> asking = new FutureTask<>(() -> byKeeper(target, force, run));
      Thread.ofPlatform().daemon().name("ask-keeper").start(asking);
      try {
        if (asking.get(KEEPER_SECONDS, TimeUnit.SECONDS)) {
          return "the keeper in " + run;
        }
      } catch (TimeoutException e) {
        // It is stopped, or hangs: the kernel is left.
        break;
      } catch (ExecutionException e) {
        if (!(e.getCause() instanceof LarderException fault)) {
          throw new IllegalStateException("asking the keeper in " + run, e.getCause());
        }
        if (fault.code() != ErrorCode.CLOSED && fault.code() != ErrorCode.DEADLINE) {
          throw fault;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
      }
    }
    byKernel(target);
    return "the kernel, as no keeper answers";
  }

  /** False where no keeper listens or it does not know the target. */
  private static boolean byKeeper(Path target, boolean force, Path run) {
    try (KeeperClient client = KeeperClient.connect(run).orElse(null)) {
      if (client == null) {
        return false;
      }
      long unused = client.command();
      List<MountedView> all = client.mounts();
      Map<Path, MountedView> known =
          all.stream().collect(Collectors.toMap(v -> Path.of(v.target()), v -> v));
      Optional<Path> place = MountNames.find(target, known::containsKey);
      MountedView view = place.map(known::get).orElse(null);
      if (place.isEmpty() || view == null) {
        return false;
      }
      boolean isOnly = all.stream().filter(v -> v.id().equals(view.id())).count() == 1;
      if (isOnly) {
        // With the view itself: no agent is there to drop it.
        client.detach(view.id(), true, force);
      } else {
        client.detach(place.get(), true, force);
      }
      return true;
    }
  }

  private static void byKernel(Path target) {
    try {
      MountTable table = MountTable.read();
      Unmount.lazily(
          MountNames.find(target, place -> isOurs(table.top(place)))
              .orElseThrow(() ->
                  new LarderException(
                      ErrorCode.UNKNOWN_MOUNT, "nothing of Larder is mounted at " + target)));
    } catch (LinuxException e) {
      ErrorCode code = e.errno() == Errno.EPERM ? ErrorCode.UNSUPPORTED : ErrorCode.MOUNT_FAILED;
      throw new LarderException(code, String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.MOUNT_FAILED, "mounts cannot be listed: " + e, e);
    }
  }

  private static boolean isOurs(@Nullable MountEntry top) {
    return top != null && top.type().equals("overlay") && top.source().startsWith("larder:");
  }
}
