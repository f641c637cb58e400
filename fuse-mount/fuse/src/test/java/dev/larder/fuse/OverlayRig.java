package dev.larder.fuse;

import dev.larder.erofs.CatalogEntry;
import dev.larder.erofs.CatalogOptions;
import dev.larder.erofs.CatalogWriter;
import dev.larder.linux.ErofsMount;
import dev.larder.linux.Fd;
import dev.larder.linux.MountFd;
import dev.larder.linux.OverlayMount;
import dev.larder.linux.OverlayStyle;
import dev.larder.linux.Unmount;
import dev.larder.protocol.BlobKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** A catalog over a folder of sealed blobs over the FUSE mount, as a dataset is mounted. */
final class OverlayRig implements AutoCloseable {
  private final Path catalog;
  private final Path at;

  /** Mounts files of given paths and keys, with their sizes. */
  OverlayRig(Path dir, Path blobs, Path fuse, Map<String, BlobKey> files, long sizeBytes)
      throws IOException {
    Path image = dir.resolve("catalog.erofs");
    try (CatalogWriter writer = new CatalogWriter(CatalogOptions.DEFAULT, dir)) {
      files.forEach(
          (path, key) -> writer.add(CatalogEntry.file(path, sizeBytes, Instant.EPOCH, key, null)));
      Object unused = writer.finish(image);
    }
    catalog = Files.createDirectory(dir.resolve("catalog"));
    at = Files.createDirectory(dir.resolve("view"));
    try (Fd file = Fd.open(image, Fd.O_RDONLY);
        MountFd mount = ErofsMount.of(file)) {
      mount.attach(catalog);
    }
    try (Fd tree = Fd.openDirectory(catalog);
        Fd sealed = Fd.openDirectory(blobs);
        Fd rest = Fd.openDirectory(fuse);
        MountFd mount =
            new OverlayMount(OverlayStyle.probe())
                .of("larder-test", tree, List.of(sealed, rest), false)) {
      mount.attach(at);
    } catch (IOException | RuntimeException e) {
      Unmount.lazily(catalog);
      throw e;
    }
  }

  Path root() {
    return at;
  }

  void remount() throws IOException {
    try (Fd root = Fd.open(at, Fd.O_RDONLY | Fd.O_DIRECTORY)) {
      OverlayMount.remount(root);
    }
  }

  @Override
  public void close() throws IOException {
    try {
      Unmount.lazily(at);
    } finally {
      Unmount.lazily(catalog);
    }
  }
}
