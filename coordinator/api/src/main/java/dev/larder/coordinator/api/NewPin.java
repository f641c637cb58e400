package dev.larder.coordinator.api;

import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.PathGlob;
import java.time.Instant;
import java.util.Optional;

/**
 * A wish to keep a part of a dataset.
 *
 * @param snapshot number, or 0 to follow the newest
 * @param glob which paths, as {@link PathGlob} reads it; empty means all
 * @param expiresAt when the pin ends; never where absent
 */
public record NewPin(DatasetName dataset, long snapshot, String glob, Optional<Instant> expiresAt) {

  /** Checks number and glob: BAD_NAME, BAD_REQUEST. */
  public NewPin {
    if (snapshot < 0) {
      throw new LarderException(ErrorCode.BAD_NAME, "a pin's snapshot is a number from 0");
    }
    PathGlob.parse(glob);
  }
}
