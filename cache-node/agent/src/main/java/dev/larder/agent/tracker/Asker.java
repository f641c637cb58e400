package dev.larder.agent.tracker;

import java.util.Set;

/**
 * A member that wants a stripe.
 *
 * @param zone where it stands, empty when unknown
 * @param avoid members it will not read this stripe from: gone, silent, or served a wrong block
 * @param slow members it reads from only where there is nobody else: better slow bytes than the
 *     same bytes from the origin again
 * @param voice of {@link Tracker#left}: by what it proves to be itself, 0 for nothing
 */
public record Asker(String member, String zone, Set<String> avoid, Set<String> slow, long voice) {
  /** A member that proves nothing. */
  public Asker(String member, String zone, Set<String> avoid, Set<String> slow) {
    this(member, zone, avoid, slow, 0);
  }

  /** A member to which nobody is slow. */
  public Asker(String member, String zone, Set<String> avoid) {
    this(member, zone, avoid, Set.of());
  }

  /** A member that takes what it gets. */
  public static Asker of(String member) {
    return new Asker(member, "", Set.of());
  }
}
