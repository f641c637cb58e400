package dev.larder.store.index;

/**
 * What the budget is charged for at one moment: bytes move from reserved to indexed in one step, so
 * that none is counted twice or not at all.
 *
 * @param indexed the index's own totals
 * @param reservedBytes room taken that no record speaks of yet
 */
public record Charge(Summary indexed, long reservedBytes) {
  /** All bytes charged. */
  public long usedBytes() {
    return indexed.chargedBytes() + reservedBytes;
  }
}
