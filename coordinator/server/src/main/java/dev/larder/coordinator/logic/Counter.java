package dev.larder.coordinator.logic;

/** Row counts kept beside the rows, so that status walks no table. Names stand on disk. */
enum Counter {
  MEMBERS("count-members"),
  DATASETS("count-datasets"),
  SNAPSHOTS("count-snapshots"),
  ROOTS("count-roots"),
  PINS("count-pins"),
  PLACEMENTS("count-placements"),
  /** As of the last deletion or creation since there is a bound. */
  TOMBSTONES("count-tombstones"),
  /** Those that stand; ended ones are rows too. */
  WARM_UPS("count-warm-ups"),
  /** Those that are open; ended ones are rows too. */
  DISPUTES("count-disputes"),
  /** Ended with a root, rows or not. */
  DISPUTES_SETTLED("count-disputes-settled");

  private final String diskName;

  Counter(String diskName) {
    this.diskName = diskName;
  }

  byte[] key() {
    return Keys.text(diskName);
  }
}
