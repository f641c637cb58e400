package dev.larder.coordinator.api;

/**
 * How far one node is with a warm-up.
 *
 * @param warmUpId the warm-up
 * @param files local ones
 * @param filesWanted those that match
 * @param bytes of files that are local and of blocks present in others
 * @param bytesWanted of all that match
 * @param error why it failed last; empty where it did not
 */
public record WarmUpProgress(
    String warmUpId,
    State state,
    long files,
    long filesWanted,
    long bytes,
    long bytesWanted,
    String error) {

  /** Where a node stands. */
  public enum State {
    /** Nothing was heard of it, or it is not its turn. */
    WAITING,
    /** At work. */
    FILLING,
    /** Every file is local. */
    READY,
    /** It could not; it tries again later. */
    FAILED
  }

  /** A node that was not heard of. */
  public static WarmUpProgress unheard(String warmUpId) {
    return new WarmUpProgress(warmUpId, State.WAITING, 0, 0, 0, 0, "");
  }
}
