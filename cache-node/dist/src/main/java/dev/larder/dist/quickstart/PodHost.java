package dev.larder.dist.quickstart;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * One node of Larder and whoever starts pods on it. One thread. {@link #close} ends its pods and
 * takes everything away that it brought to the machine.
 */
interface PodHost extends AutoCloseable {
  /** The volume that every pod has. */
  String DATA = "data";

  /** The one that a pod may have besides. */
  String LATER = "later";

  /** {@code real} or {@code fake}. */
  String kubelet();

  /** Defines a dataset over the prefix of that name in the S3 server's bucket. */
  void createDataset(String name) throws InterruptedException, IOException;

  /**
   * Makes a pod, and waits until it is ready: its container runs {@link PodReader} on volumes of
   * datasets.
   *
   * @param name its name, new on this host
   * @param data what the volume {@link #DATA} shows
   * @param later what the volume {@link #LATER} shows; empty for a pod without
   */
  Pod startPod(String name, String data, String later) throws InterruptedException, IOException;

  /** What may be tried in another shell while all of it stays. */
  List<String> hints();

  /** Kills the agent as {@code kill -9} does, and waits until the next one serves. */
  void killAgent() throws InterruptedException, IOException;

  @Override
  void close() throws InterruptedException, IOException;

  /**
   * What is known of a pod since it was ready.
   *
   * @param out where its container writes what it found
   * @param createdAt when it was made, in seconds of the epoch
   * @param readySeconds from its making to its readiness
   */
  record Started(String name, Path out, double createdAt, double readySeconds) {
    /** Of one that is ready now. */
    static Started now(String name, Path out, double createdAt) {
      return new Started(name, out, createdAt, PodTime.now() - createdAt);
    }
  }

  /** A pod that was started. */
  interface Pod {
    /** What is known of it since it was ready. */
    Started started();

    /** What is known of it, for a message when it does not do what it should. */
    String words() throws InterruptedException;

    /** Whether its container ended with an error. */
    boolean isFailed() throws InterruptedException;

    /** Deletes it and waits until its volumes are gone. */
    void delete() throws InterruptedException;
  }
}
