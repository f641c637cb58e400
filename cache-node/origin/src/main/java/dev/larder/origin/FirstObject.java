package dev.larder.origin;

import dev.larder.origin.Origin.ListingSink;

/** Breaks a listing off at the first thing it finds. Any thread. */
final class FirstObject implements ListingSink {
  /** Something was found; no fault. */
  static final class Found extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private Found() {
      super("found", null, false, false);
    }
  }

  @Override
  public void accept(OriginObject object) {
    throw new Found();
  }

  @Override
  public void skipped(String name, String reason) {
    throw new Found();
  }
}
