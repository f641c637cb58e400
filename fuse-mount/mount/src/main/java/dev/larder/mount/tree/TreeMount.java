package dev.larder.mount.tree;

import dev.larder.agent.mount.Mounts.UnmountMode;
import dev.larder.mount.tree.TreeHost.Result;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A snapshot mounted as a read-only FUSE tree that this process serves. Ends with the process; a
 * process that dies without {@link #close} leaves a shell behind that unmounts.
 *
 * <p><b>Threads:</b> any. <b>Errors:</b> LarderException UNSUPPORTED where the host lacks what a
 * mount needs, BAD_REQUEST for a target that is no empty directory, MOUNT_FAILED, MOUNT_BUSY.
 */
public final class TreeMount implements AutoCloseable {
  /*
   * Ending a mount. The kernel ends the session when the mount is gone and no file below it is open;
   * then the loop's threads return, and the last of them closes the device and frees libfuse's
   * memory. Nobody else frees anything, so a mount that cannot be ended leaks instead of crashing.
   */
  private static final Logger log = LoggerFactory.getLogger(TreeMount.class);
  private static final long START_NANOS = Duration.ofSeconds(10).toNanos();
  private static final long COMMAND_NANOS = Duration.ofSeconds(2).toNanos();

  /** In all, {@link #close} stays below ten seconds. */
  private static final long END_NANOS = Duration.ofMillis(1500).toNanos();

  private static final String TYPE = "fuse.larder";
  private static final Path CONNECTIONS = Path.of("/sys/fs/fuse/connections");

  private final TreeHost host;
  private final Path target;
  private final TreeOps ops;
  private final TreeLoop loop;
  private final Object ending = new Object();
  private volatile @Nullable MountWatch watch;
  private volatile @Nullable Thread exitHook;
  private boolean isDetached;

  private TreeMount(TreeHost host, Path target, TreeOps ops, TreeLoop loop) {
    this.host = host;
    this.target = target;
    this.ops = ops;
    this.loop = loop;
  }

  /** Mounts a snapshot and returns once the kernel is being answered. */
  public static TreeMount mount(TreeSpec spec) {
    return mount(spec, TreeHost.ofThisMachine());
  }

  /** Says whether this host can have tree mounts: UNSUPPORTED with the reason if not. */
  public static void requireSupport(boolean allowOther) {
    TreeHost.ofThisMachine().require(allowOther);
  }

  static TreeMount mount(TreeSpec spec, TreeHost host) {
    Path target = checked(spec.target());
    LibFuse lib = host.require(spec.allowOther());
    TreeOps ops = new TreeOps(spec.catalog(), spec.files(), spec.config());
    NativeOps natives = new NativeOps(ops, lib);
    TreeLoop loop = TreeSession.open(lib, target, spec, ops, natives);
    TreeMount mount = new TreeMount(host, target, ops, loop);
    try {
      loop.start();
      mount.guard();
      if (!natives.started().await(START_NANOS, TimeUnit.NANOSECONDS)) {
        throw new LarderException(
            ErrorCode.MOUNT_FAILED, "the kernel did not begin with the mount at " + target);
      }
    } catch (IOException e) {
      mount.close();
      throw new LarderException(
          ErrorCode.MOUNT_FAILED, "cannot start the watch of the mount at " + target, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      mount.close();
      throw new LarderException(ErrorCode.CANCELLED, "mounting was interrupted", e);
    } catch (RuntimeException e) {
      mount.close();
      throw e;
    }
    log.info("mounted a tree target={} label={}", target, spec.label());
    return mount;
  }

  /** Sees to it that the mount ends with the process, and the process with the mount. */
  private void guard() throws IOException {
    watch =
        MountWatch.start(
            control().orElse(Path.of("/dev/null/none")), target, host.unmountCommand(target, true));
    // The shell cannot know of an end that was asked for before the process is nearly gone.
    Thread hook = new Thread(this::abortAtExit, "tree-exit");
    Runtime.getRuntime().addShutdownHook(hook);
    exitHook = hook;
  }

  private void abortAtExit() {
    try {
      ops.end();
      abortConnection();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static Path checked(Path target) {
    try {
      Path real = target.toRealPath();
      if (!Files.isDirectory(real)) {
        throw new LarderException(ErrorCode.BAD_REQUEST, target + " is no directory");
      }
      try (Stream<Path> entries = Files.list(real)) {
        if (entries.findAny().isPresent()) {
          throw new LarderException(ErrorCode.BAD_REQUEST, target + " is not empty");
        }
      }
      return real;
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.BAD_REQUEST, "cannot mount at " + target + ": " + e.getMessage(), e);
    }
  }

  /** Where it is mounted, with no link in the path. */
  public Path target() {
    return target;
  }

  /** Files open below it. */
  public int openFiles() {
    return ops.openFiles();
  }

  /** Whether the kernel still has the mount: false once it was taken away, by whomever. */
  public boolean isMounted() {
    return !loop.isEnded() && isInTable();
  }

  /** Waits until the mount was taken away and the last file below it closed. */
  public boolean awaitEnd(Duration atMost) throws InterruptedException {
    return loop.awaitEnd(atMost.toNanos());
  }

  /**
   * Takes the mount away.
   *
   * @throws LarderException MOUNT_BUSY in PLAIN mode while files below it are open
   */
  public void unmount(UnmountMode mode) {
    synchronized (ending) {
      try {
        switch (mode) {
          case PLAIN -> detachPlain();
          case LAZY -> detachLazy();
          case FORCE -> force();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new LarderException(ErrorCode.CANCELLED, "unmounting was interrupted", e);
      }
    }
  }

  private void detachPlain() throws InterruptedException {
    if (isGone()) {
      return;
    }
    Result result = TreeHost.run(host.unmountCommand(target, false), COMMAND_NANOS);
    if (result.status() != 0 && !isGone()) {
      throw new LarderException(
          ErrorCode.MOUNT_BUSY, "cannot unmount " + target + ": " + result.output());
    }
    detached();
    loop.awaitEnd(END_NANOS);
  }

  private void detachLazy() throws InterruptedException {
    if (isGone()) {
      return;
    }
    Result result = TreeHost.run(host.unmountCommand(target, true), COMMAND_NANOS);
    if (result.status() != 0 && !isGone()) {
      throw new LarderException(
          ErrorCode.MOUNT_FAILED, "cannot detach " + target + ": " + result.output());
    }
    detached();
  }

  private void force() throws InterruptedException {
    ops.end();
    abortConnection();
    detachLazy();
    loop.awaitEnd(END_NANOS);
  }

  private boolean isGone() {
    return isDetached || !isInTable();
  }

  private void detached() {
    isDetached = true;
    MountWatch each = watch;
    watch = null;
    if (each != null) {
      each.close();
    }
    Thread hook = exitHook;
    exitHook = null;
    if (hook != null) {
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException e) {
        log.debug("the process ends already", e);
      }
    }
  }

  /** A mount whose connection was aborted still is. macOS has no table; the session must do. */
  private boolean isInTable() {
    try {
      Optional<MountLine> line = MountLine.at(target);
      return MountLine.hasTable()
          ? line.filter(found -> found.type().equals(TYPE)).isPresent()
          : !loop.isEnded();
    } catch (IOException e) {
      log.warn("cannot read the mount table: {}", e.toString());
      return true;
    }
  }

  /**
   * Ends what waits in the kernel: by its control file, or by force, which is root's. Where neither
   * can be had, files that are open stay so.
   */
  private void abortConnection() throws InterruptedException {
    if (MountLine.hasTable() && !isInTable()) {
      return;
    }
    Optional<Path> control = control();
    try {
      if (control.isPresent()) {
        Files.writeString(control.get(), "1");
        return;
      }
    } catch (IOException e) {
      log.warn("cannot abort the connection of a mount target={}: {}", target, e.toString());
    }
    TreeHost.run(host.abortCommand(target), COMMAND_NANOS);
  }

  /** The file that ends the connection when written to; empty where this user has none. */
  private Optional<Path> control() {
    try {
      return MountLine.at(target)
          .filter(found -> found.type().equals(TYPE))
          .map(found -> CONNECTIONS.resolve(found.connection() + "/abort"))
          .filter(Files::isWritable);
    } catch (IOException e) {
      log.warn("cannot read the mount table: {}", e.toString());
      return Optional.empty();
    }
  }

  /**
   * Takes the mount away within ten seconds, whoever uses it: reads that wait end with an error,
   * files that are open give errors from then on. Idempotent, throws nothing.
   */
  @Override
  public void close() {
    synchronized (ending) {
      boolean interrupted = Thread.interrupted();
      try {
        endAnyhow();
      } catch (InterruptedException e) {
        interrupted = true;
      } finally {
        ops.close();
        detached();
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
      if (!loop.isEnded()) {
        log.warn("files below a closed mount are still open target={}", target);
      }
    }
  }

  private void endAnyhow() throws InterruptedException {
    List<UnmountMode> steps = List.of(UnmountMode.PLAIN, UnmountMode.FORCE);
    for (UnmountMode step : steps) {
      try {
        if (step == UnmountMode.PLAIN) {
          detachPlain();
        } else {
          force();
        }
      } catch (LarderException e) {
        log.info("unmounting goes on after target={} step={}: {}", target, step, e.getMessage());
      }
      if (loop.isEnded()) {
        return;
      }
    }
  }
}
