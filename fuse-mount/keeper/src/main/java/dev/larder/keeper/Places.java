package dev.larder.keeper;

import java.nio.file.Path;

/**
 * Where things are in the run directory.
 *
 * @param run the run directory's own name, with no link in it
 */
record Places(Path run) {
  Path socket() {
    return KeeperClient.socket(run);
  }

  Path state() {
    return run.resolve("keeper.json");
  }

  Path lock() {
    return run.resolve("keeper.lock");
  }

  /** The keeper's process number, for systemd ({@code PIDFile=}). */
  Path pid() {
    return run.resolve("keeper.pid");
  }

  /** The private tmpfs that everything is mounted in. */
  Path mounts() {
    return run.resolve("mnt");
  }

  Path fuse() {
    return mounts().resolve("fuse");
  }

  Path catalogs() {
    return mounts().resolve("c");
  }

  Path catalog(String id) {
    return catalogs().resolve(id);
  }

  Path overlays() {
    return mounts().resolve("s");
  }

  Path overlay(String id) {
    return overlays().resolve(id);
  }

  /** The file system that lists FUSE connections. */
  Path control() {
    return mounts().resolve("control");
  }
}
