package dev.larder.store.rocks;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.rocksdb.AbstractImmutableNativeReference;

/**
 * The native handles of one database. Long-lived ones are closed here in reverse order; short-lived
 * ones are borrowed inside a lambda by their users and counted. With assertions on (tests), each
 * open handle keeps the stack of its creation, and a leak fails the close.
 *
 * <p>Any thread.
 */
final class Handles implements AutoCloseable {
  private static final boolean TRACKING = Handles.class.desiredAssertionStatus();
  private static final Throwable NO_STACK = new Throwable("stacks are kept with -ea only");

  private final Map<Object, Throwable> open = new ConcurrentHashMap<>();
  private final Deque<AutoCloseable> owned = new ArrayDeque<>();

  /** Registers a handle that lives as long as the database. */
  synchronized <T extends AbstractImmutableNativeReference> T own(T handle) {
    owned.push(handle);
    return handle;
  }

  /** Registers a handle that its user closes by the lease. */
  <T extends AbstractImmutableNativeReference> Lease<T> lease(T handle) {
    Object token = new Object();
    open.put(token, TRACKING ? new Throwable("native handle opened here") : NO_STACK);
    return new Lease<>(handle, this, token);
  }

  /** Short-lived handles open now. */
  int leased() {
    return open.size();
  }

  @Override
  public synchronized void close() {
    Throwable leak = open.values().stream().findFirst().orElse(null);
    int leaks = open.size();
    while (!owned.isEmpty()) {
      try {
        owned.pop().close();
      } catch (Exception e) {
        throw new IllegalStateException("closing a native handle failed", e);
      }
    }
    if (leaks > 0) {
      throw new IllegalStateException(leaks + " native handles of the index leaked", leak);
    }
  }

  /** A handle in use; closing it releases the native memory. */
  record Lease<T extends AbstractImmutableNativeReference>(T handle, Handles owner, Object token)
      implements AutoCloseable {
    @Override
    public void close() {
      handle.close();
      owner.open.remove(token);
    }
  }
}
