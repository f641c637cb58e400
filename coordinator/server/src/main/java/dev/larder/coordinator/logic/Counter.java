package dev.larder.coordinator.logic;

/** Row counts kept beside the rows, so that status walks no table. Names stand on disk. */
enum Counter {
  MEMBERS("count-members"),
  DATASETS("count-datasets"),
  SNAPSHOTS("count-snapshots"),
  ROOTS("count-roots"),
  PINS("count-pins"),
  PLACEMENTS("count-placements"),
  /** Those that stand; ended ones are rows too. */
  WARM_UPS("count-warm-ups");

  private final String diskName;

  Counter(String diskName) {
    this.diskName = diskName;
  }

  byte[] key() {
    return Keys.text(diskName);
  }
}
