/**
 * The fallback mount: a snapshot as one FUSE tree through libfuse 2 and jnr-fuse, for users without
 * root, kernels before 6.5, and macOS. It is served by this process and ends with it; what that
 * costs against the kernel mounts stands in docs/MOUNT.md.
 */
@NullMarked
package dev.larder.mount.tree;

import org.jspecify.annotations.NullMarked;
