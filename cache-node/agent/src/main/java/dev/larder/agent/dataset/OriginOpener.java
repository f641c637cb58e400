package dev.larder.agent.dataset;

import dev.larder.origin.Origin;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.DatasetName;

/** Opens origins for datasets. Any thread. */
public interface OriginOpener {
  /** As {@code Origins.open}, for the dataset of a name. */
  Origin open(DatasetName name, String uri, OriginOptions options);
}
