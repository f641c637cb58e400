package dev.larder.testkit;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * Takes back what a test took of the machine, also when the test's JVM is killed: a small process
 * that waits for our end, then kills the processes named to it and detaches every mount at or below
 * one place.
 *
 * <p><b>Threads:</b> any.
 */
public final class Reaper implements AutoCloseable {
  private static final int END_SECONDS_MAX = 60;

  /* The kernel escapes names in mountinfo as \NNN, printf %b wants \0NNN. umount -c looks at no
   * path before it calls the kernel, which a dead FUSE server would never answer. */
  private static final String SCRIPT =
      """
      trap '' INT TERM HUP
      place=$1
      stamp() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
      watched=
      while read -r pid; do
        [ "$pid" ] && watched="$watched $pid:$(stamp "$pid")"
      done
      for each in $watched; do
        pid=${each%%:*}
        [ "$(stamp "$pid")" = "${each##*:}" ] && kill -9 "$pid" 2>/dev/null
      done
      for round in 1 2 3 4 5 6 7 8; do
        cut -d' ' -f5 /proc/self/mountinfo | sed 's/\\\\/\\\\0/g' | while read -r escaped; do
          at=$(printf '%b.' "$escaped"); at=${at%.}
          case $at in "$place"|"$place"/*) timeout 10 umount -l -c -- "$at" ;; esac
        done
      done 2>/dev/null
      """;

  private final Process process;
  private final OutputStream input;

  /**
   * Starts watching.
   *
   * @param place exists; its own name, with no link in it
   */
  public Reaper(Path place) throws IOException {
    process =
        new ProcessBuilder("/bin/sh", "-c", SCRIPT, "reaper", place.toRealPath().toString())
            .redirectOutput(Redirect.DISCARD)
            .redirectError(Redirect.DISCARD)
            .start();
    input = process.getOutputStream();
  }

  /** Kills this process at the end, unless it has ended by then. */
  public synchronized void watch(long pid) throws IOException {
    input.write((pid + "\n").getBytes(StandardCharsets.US_ASCII));
    input.flush();
  }

  /** Kills and detaches what is left, and waits until that is done. */
  @Override
  public synchronized void close() throws IOException {
    input.close();
    try {
      if (!process.waitFor(END_SECONDS_MAX, TimeUnit.SECONDS)) {
        throw new IOException(
            "the reaper did not end: " + Files.readString(Path.of("/proc/mounts")));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
