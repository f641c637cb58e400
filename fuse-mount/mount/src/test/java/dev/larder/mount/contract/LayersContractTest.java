package dev.larder.mount.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.erofs.Catalog;
import dev.larder.erofs.CatalogPacker;
import dev.larder.erofs.PackOptions;
import dev.larder.protocol.BlobKey;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * The written list on the layers a kernel mount is made of, put together by mount(8): EROFS, and
 * over it overlayfs with a directory of blobs. Shows that the list asks nothing that only one kind
 * of mount can give. The subclasses do it for both forms of a catalog.
 */
abstract class LayersContractTest extends MountContract {
  private final boolean isPacked;

  LayersContractTest(boolean isPacked) {
    this.isPacked = isPacked;
  }

  @Override
  protected void requireHost() throws IOException {
    requireProgram("mount", "install util-linux");
    String known = Files.readString(Path.of("/proc/filesystems"));
    require(
        known.contains("erofs") && known.contains("overlay"), "the kernel lacks EROFS or overlay");
  }

  @Override
  protected Mounted mount(ContractTree tree) throws Exception {
    Path directory = Files.createTempDirectory("layers");
    directory.toFile().setExecutable(true, false);
    Path image = directory.resolve("image");
    tree.writeCatalog(image, directory);
    if (isPacked) {
      Path plain = image;
      image = directory.resolve("packed");
      CatalogPacker.pack(
          plain, image, key -> ByteBuffer.wrap(tree.blobs().get(key).bytes()), PackOptions.DEFAULT);
    }
    Path blobs = Files.createDirectory(directory.resolve("blobs"));
    for (Map.Entry<BlobKey, Content> blob : tree.blobs().entrySet()) {
      boolean inImage = isPacked && blob.getValue().size() <= PackOptions.DEFAULT.fileBytesMax();
      if (blob.getValue().size() > 0 && !inImage) {
        Path file = blobs.resolve(blob.getKey().diskName());
        Files.createDirectories(file.getParent());
        blob.getValue().writeTo(file);
      }
    }
    try (Catalog catalog = Catalog.open(image)) {
      assertEquals(isPacked, catalog.isPacked());
    }
    Path lower = Files.createDirectory(directory.resolve("lower"));
    Path at = Files.createDirectory(directory.resolve("mnt"));
    run("mount", "-t", "erofs", "-o", "ro,loop", image.toString(), lower.toString());
    String options =
        "ro,nosuid,nodev,metacopy=on,redirect_dir=follow,lowerdir=" + lower + "::" + blobs;
    run("mount", "-t", "overlay", "-o", options, "overlay", at.toString());
    return new Layers(directory, lower, at);
  }

  private record Layers(Path directory, Path lower, Path at) implements Mounted {
    @Override
    public void close() throws Exception {
      run("umount", at.toString());
      run("umount", lower.toString());
      try (Stream<Path> files = Files.walk(directory)) {
        List<Path> deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
        for (Path file : deepestFirst) {
          Files.delete(file);
        }
      }
    }
  }

  private static void run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).inheritIO().start();
    if (!process.waitFor(60, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("no end: " + List.of(command));
    }
    assertEquals(0, process.exitValue(), () -> String.join(" ", command));
  }
}
