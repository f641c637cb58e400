package dev.larder.agent.tracker;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Knows who fetches each stripe and who has it. At most one member holds a live lease of a stripe;
 * a lease that makes no progress for the deadline goes to the next member that asks. What it knows
 * is soft: a tracker that starts anew is told again by those who ask.
 *
 * <p><b>Threads:</b> one at a time; the owner locks. Times are {@code System.nanoTime}-like and
 * come from the caller.
 */
public final class Tracker {
  /*
   * Holders are kept oldest first, at most a few per stripe: parents are handed out round-robin, so
   * that no member serves everybody. A member that asks for a stripe it is listed as a holder of has
   * lost it, and is struck off.
   */
  private static final int HOLDERS_PER_STRIPE_MAX = 8;

  private final long progressDeadlineNanos;
  private final int stripesMax;
  private final LinkedHashMap<StripeId, State> stripes = new LinkedHashMap<>(16, 0.75f, true);
  private final Map<Long, StripeId> leases = new HashMap<>();
  private long lastLease;

  /**
   * A tracker that knows nothing yet.
   *
   * @param progressDeadline {@code fill.lease-deadline}: a lease ends after so long without
   *     progress
   * @param stripesMax {@code fill.tracked-stripes-max}: stripes remembered; those with no lease are
   *     forgotten first, least recently asked for
   */
  public Tracker(Duration progressDeadline, int stripesMax) {
    if (progressDeadline.isNegative() || progressDeadline.isZero() || stripesMax < 1) {
      throw new IllegalArgumentException("deadline and stripesMax must be positive");
    }
    this.progressDeadlineNanos = progressDeadline.toNanos();
    this.stripesMax = stripesMax;
  }

  /** Says where a member gets a stripe. Asking again while holding the lease renews it. */
  public Assignment ask(String member, StripeId stripe, long nowNanos) {
    State state = stripes.get(stripe);
    if (state == null) {
      if (!makeRoom(nowNanos)) {
        return new Assignment.Untracked();
      }
      state = new State();
      stripes.put(stripe, state);
    }
    state.holders.remove(member);
    if (state.isLeased() && isExpired(state, nowNanos)) {
      endLease(state);
    }
    if (state.isLeased()) {
      if (state.lessee.equals(member)) {
        state.progressNanos = nowNanos;
        return new Assignment.Lease(state.lease);
      }
      return new Assignment.Parent(state.lessee);
    }
    String holder = state.holders.pollFirst();
    if (holder != null) {
      state.holders.addLast(holder);
      return new Assignment.Parent(holder);
    }
    state.lease = ++lastLease;
    state.lessee = member;
    state.progressNanos = nowNanos;
    leases.put(state.lease, stripe);
    return new Assignment.Lease(state.lease);
  }

  /** Bytes arrived under a lease. Answers whether it still stands; if not, stop fetching. */
  public boolean progress(long lease, long nowNanos) {
    StripeId stripe = leases.get(lease);
    if (stripe == null) {
      return false;
    }
    State state = stateOf(stripe);
    if (isExpired(state, nowNanos)) {
      endLease(state);
      return false;
    }
    state.progressNanos = nowNanos;
    return true;
  }

  /** Gives a lease back; {@code complete} says that the lessee now has the whole stripe. */
  public void end(long lease, boolean complete) {
    StripeId stripe = leases.get(lease);
    if (stripe == null) {
      return;
    }
    State state = stateOf(stripe);
    String member = state.lessee;
    endLease(state);
    if (complete) {
      addHolder(state, member);
    } else if (state.holders.isEmpty()) {
      stripes.remove(stripe);
    }
  }

  /** A member says that it has a whole stripe. */
  public void holding(String member, StripeId stripe, long nowNanos) {
    State state = stripes.get(stripe);
    if (state == null) {
      if (!makeRoom(nowNanos)) {
        return;
      }
      state = new State();
      stripes.put(stripe, state);
    }
    addHolder(state, member);
  }

  /** A member no longer has a stripe, or served a wrong block of it. */
  public void gone(String member, StripeId stripe) {
    State state = stripes.get(stripe);
    if (state != null) {
      state.holders.remove(member);
      if (state.holders.isEmpty() && !state.isLeased()) {
        stripes.remove(stripe);
      }
    }
  }

  /** Who fetches a stripe under a live lease. */
  public Optional<String> lessee(StripeId stripe, long nowNanos) {
    State state = stripes.get(stripe);
    return state == null || !state.isLeased() || isExpired(state, nowNanos)
        ? Optional.empty()
        : Optional.of(state.lessee);
  }

  /** Stripes remembered. */
  public int size() {
    return stripes.size();
  }

  private State stateOf(StripeId stripe) {
    State state = stripes.get(stripe);
    if (state == null) {
      throw new IllegalStateException("a lease without its stripe: " + stripe);
    }
    return state;
  }

  private void addHolder(State state, String member) {
    state.holders.remove(member);
    state.holders.addLast(member);
    if (state.holders.size() > HOLDERS_PER_STRIPE_MAX) {
      state.holders.removeFirst();
    }
  }

  private boolean isExpired(State state, long nowNanos) {
    return nowNanos - state.progressNanos > progressDeadlineNanos;
  }

  private void endLease(State state) {
    leases.remove(state.lease);
    state.lease = 0;
    state.lessee = "";
  }

  private boolean makeRoom(long nowNanos) {
    if (stripes.size() < stripesMax) {
      return true;
    }
    var eldest = stripes.entrySet().iterator();
    while (eldest.hasNext()) {
      State state = eldest.next().getValue();
      if (state.isLeased() && isExpired(state, nowNanos)) {
        endLease(state);
      }
      if (!state.isLeased()) {
        eldest.remove();
        return true;
      }
    }
    return false;
  }

  private static final class State {
    private final ArrayDeque<String> holders = new ArrayDeque<>(2);
    private long lease;
    private String lessee = "";
    private long progressNanos;

    boolean isLeased() {
      return lease != 0;
    }
  }
}
