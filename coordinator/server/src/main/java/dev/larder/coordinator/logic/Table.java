package dev.larder.coordinator.logic;

/** The state's tables. The names stand on disk. */
public enum Table {
  /** Single values: format, applied position, epoch, counts. */
  META("meta"),
  /** Member id to MemberValue: what is known now, published or not. */
  MEMBERS("members"),
  /** Dataset name to DatasetValue. */
  DATASETS("datasets"),
  /** Name of a deleted dataset to TombstoneValue, so that snapshot numbers are never used twice. */
  TOMBSTONES("tombstones"),
  /** Dataset name and number to SnapshotValue. */
  SNAPSHOTS("snapshots"),
  /** Blob key to RootValue. */
  ROOTS("roots"),
  /** Blob key and member id, no value: who holds a blob. */
  HOLDERS("holders"),
  /** Member id and blob key, no value: the same read the other way, for complete reports. */
  HOLDINGS("holdings"),
  /** Dataset name, snapshot and glob to PinValue. */
  PINS("pins"),
  /** Member id to MemberValue: the list of the present epoch, as all members see it. */
  PUBLISHED("published"),
  /** Id of a coordinator to host:port of its door. */
  COORDINATORS("coordinators"),
  /** Number to WarmUpValue. */
  WARM_UPS("warm-ups"),
  /** Blob key to DisputeValue: while it is open, no root of the key stands. */
  DISPUTES("disputes");

  private final String diskName;

  Table(String diskName) {
    this.diskName = diskName;
  }

  /** Name of the table on disk. */
  public String diskName() {
    return diskName;
  }
}
