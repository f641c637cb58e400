/**
 * EROFS images: {@link dev.larder.erofs.CatalogWriter} turns the listing of a snapshot into a
 * catalog, an image that holds metadata only; {@link dev.larder.erofs.Catalog} reads it mapped, as
 * it reads any uncompressed EROFS image. The kernel mounts the same file.
 *
 * <p>The agent calls both. A writer belongs to one thread; a reader serves any thread. The format
 * is described in this module's README.
 */
@NullMarked
package dev.larder.erofs;

import org.jspecify.annotations.NullMarked;
