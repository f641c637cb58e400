package dev.larder.mount.tree;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.fill.FillEngine;
import dev.larder.agent.fill.FillMeter;
import dev.larder.agent.fill.Roots;
import dev.larder.agent.read.CachedReadPlane;
import dev.larder.agent.read.ReadConfig;
import dev.larder.agent.read.ReadPlane.BlobSource;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.agent.read.Sources;
import dev.larder.erofs.CatalogEntry;
import dev.larder.erofs.CatalogOptions;
import dev.larder.erofs.CatalogWriter;
import dev.larder.mount.contract.Content;
import dev.larder.mount.contract.Syscalls;
import dev.larder.mount.contract.Syscalls.Descriptor;
import dev.larder.mount.tree.TreeFixture.Tree;
import dev.larder.origin.Origin;
import dev.larder.origin.OriginLimits;
import dev.larder.origin.OriginObject;
import dev.larder.origin.OriginOptions;
import dev.larder.origin.Origins;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.BlobStore.State;
import dev.larder.store.LarderStore;
import dev.larder.store.StoreConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A tree over the agent's real read plane, a real store, and a directory as the origin. */
final class PlaneFilesTest implements Sources, Roots {
  private static final Map<String, Content> FILES =
      Map.of(
          "small", Content.of(1, 5000),
          "sub/edge", Content.of(2, 65_536),
          "sub/behind-edge", Content.of(3, 65_537),
          "large.bin", Content.of(4, (9 << 20) + 7),
          "empty", Content.of(5, 0));

  @TempDir Path temp;

  private final TreeMap<String, OriginObject> objects = new TreeMap<>();
  private Path source;
  private Origin origin;
  private LarderStore store;
  private FillEngine engine;
  private CachedReadPlane plane;

  @BeforeEach
  void open() throws IOException {
    TreeFixture.requireSupport();
    source = Files.createDirectories(temp.resolve("source/sub")).getParent();
    for (Map.Entry<String, Content> file : FILES.entrySet()) {
      file.getValue().writeTo(source.resolve(file.getKey()));
    }
    origin =
        Origins.open(
            source.toUri().toString(), new OriginOptions(Map.of()), OriginLimits.defaults());
    origin.list(
        new Origin.ListingSink() {
          @Override
          public void accept(OriginObject object) {
            objects.put(object.path(), object);
          }

          @Override
          public void skipped(String name, String reason) {
            throw new AssertionError(name + " " + reason);
          }
        });
    store = LarderStore.open(StoreConfig.defaults(temp.resolve("store")));
    FillConfig fill = FillConfig.defaults();
    engine = new FillEngine(fill, store, this, FillMeter.NONE);
    plane = new CachedReadPlane(ReadConfig.defaults(), store, engine, this, fill.siblingsMax());
    engine.start();
  }

  @AfterEach
  void close() {
    if (store != null) {
      plane.close();
      engine.close();
      store.close();
      origin.close();
    }
  }

  private Tree mount() throws IOException {
    Path directory = Files.createTempDirectory("tree");
    Path image = directory.resolve("image");
    try (CatalogWriter writer = new CatalogWriter(CatalogOptions.DEFAULT, directory)) {
      for (OriginObject each : objects.values()) {
        if (each.type() == OriginObject.Type.FILE) {
          writer.add(
              CatalogEntry.file(
                  each.path(), each.sizeBytes(), each.lastModified(), each.key(), each.version()));
        }
      }
      writer.finish(image);
    }
    PlaneFiles files =
        new PlaneFiles(
            plane,
            node -> new BlobSource("data", objects.get(node.path())),
            path -> path.endsWith(".bin") ? ReadIntent.WHOLE : ReadIntent.RANDOM);
    return Tree.of(directory, image, files, false, TreeConfig.defaults());
  }

  @Test
  void readsThroughTheStoreAndThenFromIt() throws Exception {
    try (Tree mounted = mount()) {
      for (Map.Entry<String, Content> file : FILES.entrySet()) {
        assertArrayEquals(
            file.getValue().bytes(),
            Outside.read(mounted.at().resolve(file.getKey())),
            file.getKey());
      }
    }
    awaitSealed();
    for (String path : FILES.keySet()) {
      Files.delete(source.resolve(path));
    }
    // A mount of its own, so that nothing is in the page cache.
    try (Tree mounted = mount()) {
      for (Map.Entry<String, Content> file : FILES.entrySet()) {
        assertArrayEquals(
            file.getValue().bytes(),
            Outside.read(mounted.at().resolve(file.getKey())),
            file.getKey());
      }
    }
  }

  private void awaitSealed() {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    for (OriginObject each : objects.values()) {
      boolean isStored = each.type() == OriginObject.Type.FILE && each.sizeBytes() > 0;
      while (isStored
          && store.find(each.key()).filter(info -> info.state() == State.SEALED).isEmpty()) {
        assertTrue(System.nanoTime() < deadline, () -> "not sealed: " + each.path());
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
      }
    }
  }

  @Test
  void manyReadersOfAFileThatFills() throws Exception {
    try (Tree mounted = mount()) {
      List<Outside> readers = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        String skip = Integer.toString(i * 700_000);
        readers.add(
            Outside.start(
                "sh",
                "-c",
                "tail -c +$((1 + " + skip + ")) \"$0\" | sha256sum",
                mounted.at().resolve("large.bin").toString()));
      }
      Content large = FILES.get("large.bin");
      for (int i = 0; i < readers.size(); i++) {
        byte[] rest = large.bytes(i * 700_000L, (int) large.size());
        assertEquals(Outside.sha256(rest), readers.get(i).text().split(" ")[0], "reader " + i);
      }
    }
  }

  @Test
  void whatTheOriginChangedIsStale() throws Exception {
    Files.write(source.resolve("small"), new byte[6000]);
    Files.delete(source.resolve("sub/edge"));
    try (Syscalls sys = Syscalls.start();
        Tree mounted = mount()) {
      try (Descriptor file = sys.open(mounted.at().resolve("small"), "O_RDONLY|O_DIRECT")) {
        assertEquals("ESTALE", sys.call("pread", file, 4096, 0).errno());
      }
      try (Descriptor file = sys.open(mounted.at().resolve("sub/edge"), "O_RDONLY|O_DIRECT")) {
        assertEquals("EIO", sys.call("pread", file, 4096, 0).errno());
      }
      assertArrayEquals(
          FILES.get("sub/behind-edge").bytes(),
          Outside.read(mounted.at().resolve("sub/behind-edge")));
    }
  }

  @Override
  public Origin origin(String dataset) {
    return origin;
  }

  @Override
  public Optional<BlobSource> sourceOf(BlobKey key) {
    return objects.values().stream()
        .filter(each -> each.key().equals(key))
        .map(each -> new BlobSource("data", each))
        .findFirst();
  }

  @Override
  public List<BlobSource> siblings(String dataset, String afterPath, int max) {
    return List.of();
  }

  @Override
  public Optional<Digest> expected(BlobKey key) {
    return Optional.empty();
  }

  @Override
  public void sealed(SealedInfo info) {
    // Nobody records roots here.
  }
}
