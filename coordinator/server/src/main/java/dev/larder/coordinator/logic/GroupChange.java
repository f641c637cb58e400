package dev.larder.coordinator.logic;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** What a group of coordinators is after one took another's place. Pure. */
public final class GroupChange {
  /** Of so few each is needed. */
  private static final int NONE_TO_SPARE = 3;

  private GroupChange() {}

  /**
   * The group with one removed, or one added, or both. A replacement that was made already changes
   * nothing.
   *
   * @param now addresses of the Raft doors by id
   * @param removeId empty for none
   * @param addId empty for none; never an id that was used before, as who had it forgot its votes
   * @param addAddress host:port of the new one's Raft door
   * @throws LarderException BAD_REQUEST with what is wrong with it
   */
  public static SortedMap<String, String> of(
      SortedMap<String, String> now, String removeId, String addId, String addAddress) {
    SortedMap<String, String> then = new TreeMap<>(now);
    if (!addId.isEmpty()) {
      requireNew(now, removeId, addId, addAddress);
      then.put(addId, addAddress);
    }
    // Gone already is right where this is a repeat: the new one is in then.
    boolean isRepeat = !addId.isEmpty() && now.containsKey(addId);
    if (!removeId.isEmpty() && !now.containsKey(removeId) && !isRepeat) {
      throw bad("there is no coordinator \"" + removeId + "\"; there are " + now.keySet());
    }
    then.remove(removeId);
    if (then.size() < now.size() && now.size() <= NONE_TO_SPARE) {
      throw bad(
          "of " + now.size() + " coordinators none is removed unless another takes its place");
    }
    return Collections.unmodifiableSortedMap(then);
  }

  private static void requireNew(
      SortedMap<String, String> now, String removeId, String addId, String addAddress) {
    if (addId.equals(removeId)) {
      throw bad(
          "a coordinator that lost its directory must not come back as \""
              + addId
              + "\": give the new one an id that was never used");
    }
    String known = now.get(addId);
    if (known != null && !known.equals(addAddress)) {
      throw bad("coordinator \"" + addId + "\" is there already, at " + known);
    }
    for (Map.Entry<String, String> each : now.entrySet()) {
      boolean isOther = !each.getKey().equals(addId) && !each.getKey().equals(removeId);
      if (isOther && each.getValue().equals(addAddress)) {
        throw bad(addAddress + " is the address of coordinator \"" + each.getKey() + "\"");
      }
    }
  }

  private static LarderException bad(String message) {
    return new LarderException(ErrorCode.BAD_REQUEST, message);
  }
}
