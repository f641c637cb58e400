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

  /** A pod that was started. */
  interface Pod {
    /** Where its container writes what it found. */
    Path out();

    /** From its making to its readiness. */
    double readySeconds();

    /** When it was made, in seconds of the epoch. */
    double createdAt();

    /** What is known of it, for a message when it does not do what it should. */
    String words() throws InterruptedException;

    /** Whether its container ended with an error. */
    boolean isFailed() throws InterruptedException;

    /** Deletes it and waits until its volumes are gone. */
    void delete() throws InterruptedException;
  }
}
