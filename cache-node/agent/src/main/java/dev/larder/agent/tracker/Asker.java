package dev.larder.agent.tracker;

import java.util.Set;

/**
 * A member that wants a stripe.
 *
 * @param zone where it stands, empty when unknown
 * @param avoid members it will not read this stripe from: slow, gone, or served a wrong block
 */
public record Asker(String member, String zone, Set<String> avoid) {
  /** A member that takes what it gets. */
  public static Asker of(String member) {
    return new Asker(member, "", Set.of());
  }
}
