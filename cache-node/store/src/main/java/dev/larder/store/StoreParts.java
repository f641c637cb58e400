package dev.larder.store;

import dev.larder.store.index.BlobIndex;

/** What the classes of the store share. */
record StoreParts(
    StoreConfig config,
    StoreDirectory directory,
    BlobIndex index,
    KeyLocks locks,
    OpenBlobs open,
    Space space,
    Order order,
    Quarantine quarantine,
    BufferPool buffers,
    Counters counters,
    Listeners listeners) {}
