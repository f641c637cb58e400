package dev.larder.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.dataset.Datasets.Type;
import dev.larder.mount.Completeness.Which;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digest;
import dev.larder.protocol.SnapshotRef;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.BlobStore.StoreListener;
import dev.larder.store.LarderStore;
import dev.larder.store.StoreConfig;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Answers of {@link Completeness}, and what they cost: entries visited and blobs looked for. */
class CompletenessTest {
  private static final SnapshotRef SNAPSHOT =
      new SnapshotRef(new DatasetName("data"), OptionalLong.of(1));
  private static final int FILES = 3 * Checklist.MISSING_MAX;

  @TempDir Path directory;

  private final List<Entry> entries = new ArrayList<>();
  private LarderStore store;
  private Completeness completeness;
  private long visited;
  private long looked;

  @BeforeEach
  void open() throws Exception {
    store = LarderStore.open(StoreConfig.defaults(directory.resolve("data")));
    for (int i = 0; i < FILES; i++) {
      entries.add(entry("f%06d".formatted(i), i));
    }
    completeness = new Completeness(datasets(), counting());
    store.addListener(
        new StoreListener() {
          @Override
          public void onSealed(SealedInfo info) {
            // Only losses are told.
          }

          @Override
          public void onGone(BlobKey key, boolean whole) {
            completeness.lost(key);
          }
        });
  }

  @AfterEach
  void close() {
    store.close();
  }

  @Test
  void whatWasFoundIsNotLookedForAgain() throws Exception {
    for (int i = 0; i < FILES - 1; i++) {
      put(i);
    }
    assertFalse(isComplete());
    visited = 0;
    looked = 0;
    for (int i = 0; i < 1000; i++) {
      assertFalse(isComplete());
    }
    assertEquals(0, visited);
    assertEquals(1000, looked, "only the one that is missing");
    put(FILES - 1);
    assertTrue(isComplete());
    assertEquals(FILES, completeness.files(SNAPSHOT, Which.SMALL));
    assertTrue(completeness.isComplete(SNAPSHOT, Which.LARGE), "there are none");
    looked = 0;
    visited = 0;
    assertTrue(isComplete());
    assertEquals(0, visited + looked);
  }

  @Test
  void aFillIsFollowedWithFewWalks() throws Exception {
    assertFalse(isComplete());
    for (int i = 0; i < FILES - 1; i++) {
      put(i);
      assertFalse(isComplete());
    }
    put(FILES - 1);
    assertTrue(isComplete());
    assertTrue(visited <= 5L * FILES, visited + " entries visited");
    assertEquals(FILES, completeness.files(SNAPSHOT, Which.SMALL));
  }

  @Test
  void onlyALossOfItsOwnFilesCounts() throws Exception {
    for (int i = 0; i < FILES; i++) {
      put(i);
    }
    put(FILES + 5);
    assertTrue(isComplete());
    visited = 0;
    assertTrue(store.delete(key(FILES + 5)));
    assertTrue(isComplete());
    assertTrue(store.delete(key(7)));
    assertFalse(isComplete());
    put(7);
    assertTrue(isComplete());
    assertEquals(0, visited, "no walk");
  }

  @Test
  void moreLossesThanAreKnownAreAllFound() throws Exception {
    for (int i = 0; i < FILES; i++) {
      put(i);
    }
    assertTrue(isComplete());
    assertTrue(store.delete(key(FILES - 1)));
    for (int i = 0; i < Losses.KEPT; i++) {
      completeness.lost(key(FILES + i));
    }
    assertFalse(isComplete());
    put(FILES - 1);
    assertTrue(isComplete());
    for (int i = 0; i < 2 * Checklist.MISSING_MAX; i++) {
      assertTrue(store.delete(key(i)));
    }
    for (int i = 0; i < 2 * Checklist.MISSING_MAX; i++) {
      assertFalse(isComplete());
      put(i);
    }
    assertTrue(isComplete());
    assertEquals(FILES, completeness.files(SNAPSHOT, Which.SMALL));
    completeness.keepOnly(Set.of());
    assertEquals(0, completeness.files(SNAPSHOT, Which.SMALL), "forgotten");
  }

  private boolean isComplete() {
    return completeness.isComplete(SNAPSHOT, Which.SMALL);
  }

  private void put(int number) throws Exception {
    ByteBuffer content = ByteBuffer.wrap(content(number));
    var unused = store.putSmall(key(number), content, Trust.VERIFIED, Optional.empty());
  }

  private static byte[] content(int number) {
    return ByteBuffer.allocate(4).putInt(number).array();
  }

  private static BlobKey key(int number) throws Exception {
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(content(number));
    return BlobKey.sha256(Digest.of(digest));
  }

  private static Entry entry(String path, int number) throws Exception {
    return new Entry(
        path,
        Type.FILE,
        4,
        Instant.EPOCH,
        Optional.of(key(number)),
        Optional.empty(),
        Optional.empty());
  }

  /** One snapshot of the entries. */
  @SuppressWarnings("unchecked")
  private Datasets datasets() {
    return (Datasets)
        Proxy.newProxyInstance(
            getClass().getClassLoader(),
            new Class<?>[] {Datasets.class},
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "walk" -> {
                    for (Entry entry : entries) {
                      visited++;
                      ((Consumer<Entry>) arguments[2]).accept(entry);
                    }
                    yield null;
                  }
                  case "lists" ->
                      entries.stream()
                          .anyMatch(e -> e.key().filter(arguments[1]::equals).isPresent());
                  default -> throw new UnsupportedOperationException(method.getName());
                });
  }

  /** The store, with a count of what is looked for. */
  private BlobStore counting() {
    return (BlobStore)
        Proxy.newProxyInstance(
            getClass().getClassLoader(),
            new Class<?>[] {BlobStore.class},
            (proxy, method, arguments) -> {
              looked += method.getName().equals("find") ? 1 : 0;
              try {
                return method.invoke(store, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }
}
