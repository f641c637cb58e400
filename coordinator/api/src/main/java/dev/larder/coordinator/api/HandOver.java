package dev.larder.coordinator.api;

/**
 * How far a member that drains is with handing over.
 *
 * @param pins it had to give away
 * @param pinsLeft those still its own
 * @param warmUps pinned ones it had that should be ready elsewhere
 * @param warmUpsLeft those that are not yet
 * @param error why it does not get on; empty while it does
 */
public record HandOver(int pins, int pinsLeft, int warmUps, int warmUpsLeft, String error) {

  /** Whether nothing is left that only this member keeps. */
  public boolean isDone() {
    return pinsLeft == 0 && warmUpsLeft == 0;
  }
}
