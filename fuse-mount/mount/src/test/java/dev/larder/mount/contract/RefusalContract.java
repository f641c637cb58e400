package dev.larder.mount.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.mount.contract.Syscalls.Descriptor;
import dev.larder.mount.contract.Syscalls.Text;
import org.junit.jupiter.api.Test;

/** Every call that would change something, and what it is told. */
interface RefusalContract extends ContractSupport {

  @Test
  default void refusesToMakeEntries() {
    refused("EROFS", "mkdir", at("new"));
    refused("EEXIST", "mkdir", at("sizes"));
    refused("EROFS", "mknod", at("new"));
    refused("EEXIST", "mknod", at("sizes/1"));
    refused("EROFS", "symlink", Text.of("anywhere"), at("new"));
    refused("EROFS", "link", at("sizes/1"), at("new"));
    refused("ENOENT", "mkdir", at("none/new"));
  }

  @Test
  default void refusesToTakeEntriesAway() {
    refused("EROFS", "unlink", at("sizes/1"));
    refused("EROFS", "unlink", at("links/dangling"));
    refused("EROFS", "rmdir", at("empty"));
    refused("EROFS", "rmdir", at("sizes"));
    refused("EROFS", "rename", at("sizes/1"), at("new"));
    refused("EROFS", "rename", at("sizes/1"), at("sizes/4096"));
    refused("EROFS", "rename", at("sizes"), at("empty"));
    refused("EROFS", "exchange", at("sizes/1"), at("sizes/4096"));
    refused("EXDEV", "rename", at("sizes/1"), scratch().resolve("out"));
    refused("EXDEV", "link", at("sizes/1"), scratch().resolve("out"));
  }

  @Test
  default void refusesToChangeAttributes() {
    refused("EROFS", "chmod", at("sizes/1"));
    refused("EROFS", "chmod", at("sizes"));
    refused("EROFS", "chown", at("sizes/1"));
    refused("EROFS", "lchown", at("links/relative"));
    refused("EROFS", "utimens", at("sizes/1"));
    refused("EROFS", "lutimens", at("links/relative"));
    // The kernel takes a call that changes nothing for done.
    done("utimensomit", at("sizes/1"));
    refused("EROFS", "setxattr", at("attributes/file"), Text.of("user.new"));
    refused("EROFS", "setxattr", at("attributes/file"), Text.of("user.empty"));
    refused("EROFS", "removexattr", at("attributes/file"), Text.of("user.empty"));
    refused("EROFS", "setxattr", at("attributes/file"), Text.of("trusted.new"));
    try (Descriptor file = sys().open(at("sizes/1"), "O_RDONLY")) {
      refused("EROFS", "fchmod", file);
      refused("EROFS", "fchown", file);
      refused("EROFS", "futimens", file);
      refused("EROFS", "fsetxattr", file, Text.of("user.new"));
    }
  }

  @Test
  default void refusesToChangeBytes() {
    refused("EROFS", "truncate", at("sizes/4096"), 0);
    refused("EROFS", "truncate", at("sizes/4096"), 4096);
    refused("EISDIR", "truncate", at("sizes"), 0);
    try (Descriptor file = sys().open(at("sizes/4096"), "O_RDONLY")) {
      refused("EBADF", "write", file);
      refused("EBADF", "pwrite", file);
      refused("EINVAL", "ftruncate", file, 0);
      refused("EBADF", "fallocate", file, 0);
      refused("EBADF", "fallocate", file, "FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE");
      assertArrayEquals(content("sizes/4096").bytes(), done("pread", file, 5000, 0).bytes());
    }
    refused("EROFS", "access", at("sizes/1"), "W_OK");
    refused("EROFS", "access", at("sizes"), "W_OK");
  }

  /** There is nothing to write back, which is no fault. */
  @Test
  default void syncsWithNothingToDo() {
    for (String path : new String[] {"sizes/4096", "sizes"}) {
      try (Descriptor file = sys().open(at(path), "O_RDONLY")) {
        done("fsync", file);
        done("fdatasync", file);
        done("syncfs", file);
      }
    }
  }

  @Test
  default void nothingChangedAfterAll() {
    assertEquals(4096, done("stat", at("sizes/4096")).field(5));
    refused("ENOENT", "stat", at("new"));
  }
}
