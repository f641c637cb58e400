package dev.larder.store;

/** How a group commit orders its writes. */
enum CommitMode {
  /** Data first, then the records that speak of it. */
  SAFE(true, false),

  /**
   * Wrong on purpose: records are made durable and the data they speak of is not. The power-loss
   * test must catch a store that runs like this, or it proves nothing.
   */
  RECORDS_WITHOUT_DATA(false, true);

  private final boolean syncsData;
  private final boolean syncsRecords;

  CommitMode(boolean syncsData, boolean syncsRecords) {
    this.syncsData = syncsData;
    this.syncsRecords = syncsRecords;
  }

  boolean syncsData() {
    return syncsData;
  }

  boolean syncsRecords() {
    return syncsRecords;
  }
}
