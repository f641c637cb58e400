package dev.larder.mount.contract;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;

/**
 * What POSIX lets a reader expect of a read-only file system, call by call, for any way a dataset
 * can be mounted. A subclass mounts {@link ContractTree}; docs/POSIX.md is the same list in words,
 * and a test holds the two together.
 *
 * <p>The tree is mounted once per class, so that other users may enter, by root.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class MountContract
    implements OpenContract, ReadContract, RefusalContract, DirectoryContract, MetadataContract {
  private ContractTree tree;
  private Mounted mounted;
  private Syscalls sys;
  private Path scratch;

  /** Mounts the tree at a place of its own; other users must be let in. */
  protected abstract Mounted mount(ContractTree tree) throws Exception;

  /** Says what this host lacks for the mount, by {@link #require}; called first. */
  protected abstract void requireHost() throws Exception;

  /** Size of the largest file: beyond what 32 bits count. */
  protected long largeBytes() {
    return (4L << 30) + 70_007;
  }

  /** Ends the test unless a condition holds: as failed in CI, as not applicable elsewhere. */
  protected static void require(boolean holds, String message) {
    if (!holds && "true".equals(System.getenv("CI"))) {
      fail(message);
    }
    Assumptions.assumeTrue(holds, message);
  }

  /** As {@link #require}, for a program. */
  protected static void requireProgram(String program, String hint) {
    boolean found =
        Stream.of(System.getenv("PATH").split(":"))
            .anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
    require(found, program + " is not installed; " + hint);
  }

  @BeforeAll
  final void mountTheTree() throws Exception {
    requireProgram("gcc", "install gcc and libc6-dev");
    require("root".equals(System.getProperty("user.name")), "mounting for other users needs root");
    requireHost();
    scratch = Files.createTempDirectory("contract");
    tree = ContractTree.of(largeBytes());
    sys = Syscalls.start();
    mounted = mount(tree);
    // The first close of a file may ask the server of a FUSE mount. Were that this process, and it
    // died with files open, nobody would answer and it could not end.
    sys.open(at("sizes/1"), "O_RDONLY").close();
  }

  @AfterAll
  final void unmountTheTree() throws Exception {
    try {
      if (sys != null) {
        sys.close();
      }
    } finally {
      if (mounted != null) {
        mounted.close();
      }
      if (scratch != null) {
        deleteAll(scratch);
      }
    }
  }

  private static void deleteAll(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(directory);
  }

  @Override
  public final ContractTree tree() {
    return tree;
  }

  @Override
  public final Path root() {
    return mounted.at();
  }

  @Override
  public final Syscalls sys() {
    return sys;
  }

  @Override
  public final Path scratch() {
    return scratch;
  }

  @Override
  public final Mounted mountAgain() throws Exception {
    return mount(tree);
  }
}
