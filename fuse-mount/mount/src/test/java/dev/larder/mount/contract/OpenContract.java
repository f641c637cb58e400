package dev.larder.mount.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.mount.contract.Syscalls.Descriptor;
import dev.larder.mount.contract.Syscalls.Text;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Opening, and paths that lead nowhere. */
interface OpenContract extends ContractSupport {

  @Test
  default void opensForReading() {
    for (String flags :
        List.of(
            "O_RDONLY",
            "O_RDONLY|O_APPEND",
            "O_RDONLY|O_SYNC",
            "O_RDONLY|O_NONBLOCK",
            "O_RDONLY|O_CREAT",
            "O_RDONLY|O_NOFOLLOW",
            "O_PATH")) {
      sys().open(at("sizes/4097"), flags).close();
    }
    sys().open(at("sizes"), "O_RDONLY|O_DIRECTORY").close();
    sys().open(at("sizes"), "O_RDONLY").close();
    sys().open(at("links/relative"), "O_PATH|O_NOFOLLOW").close();
  }

  @Test
  default void refusesToOpenForWriting() {
    for (String path : List.of("sizes/4097", "sizes/0", "links/relative")) {
      for (String flags :
          List.of(
              "O_WRONLY",
              "O_RDWR",
              "O_WRONLY|O_APPEND",
              "O_RDONLY|O_TRUNC",
              "O_WRONLY|O_TRUNC",
              "O_RDWR|O_CREAT",
              "O_RDWR|O_CREAT|O_TRUNC")) {
        refused("EROFS", "open", at(path), flags, 0);
      }
    }
  }

  @Test
  default void refusesToCreate() {
    refused("EROFS", "open", at("new"), "O_RDONLY|O_CREAT", 0600);
    refused("EROFS", "open", at("new"), "O_WRONLY|O_CREAT", 0600);
    refused("EROFS", "open", at("empty/new"), "O_RDWR|O_CREAT|O_EXCL", 0600);
    refused("EEXIST", "open", at("sizes/1"), "O_WRONLY|O_CREAT|O_EXCL", 0600);
    refused("EEXIST", "open", at("links/dangling"), "O_WRONLY|O_CREAT|O_EXCL", 0600);
    refused("EROFS", "open", at("empty"), "O_TMPFILE|O_RDWR", 0600);
    refused("ENOENT", "open", at("no/such/directory"), "O_WRONLY|O_CREAT", 0600);
  }

  @Test
  default void tellsFilesFromDirectories() {
    refused("ENOTDIR", "open", at("sizes/1"), "O_RDONLY|O_DIRECTORY");
    refused("EISDIR", "open", at("sizes"), "O_RDWR");
    refused("EISDIR", "open", at("sizes"), "O_WRONLY");
    refused("ENOTDIR", "stat", at("sizes/1/below"));
    refused("ENOTDIR", "stat", Text.of(at("sizes/1") + "/"));
    refused("ENOTDIR", "chdir", at("sizes/1"));
    try (Descriptor directory = sys().open(at("sizes"), "O_RDONLY")) {
      refused("EISDIR", "read", directory, 10);
      refused("EISDIR", "pread", directory, 10, 0);
    }
    try (Descriptor file = sys().open(at("sizes/1"), "O_RDONLY")) {
      refused("ENOTDIR", "getdents", file, 1000);
      refused("ENOTDIR", "openat", file, Text.of("below"), "O_RDONLY");
    }
  }

  @Test
  default void tellsWhatIsNotThere() {
    for (String path : List.of("none", "sizes/none", "none/below", "many/entry-10000")) {
      // Twice: the second time the kernel may know by itself.
      for (int i = 0; i < 2; i++) {
        refused("ENOENT", "open", at(path), "O_RDONLY");
        refused("ENOENT", "stat", at(path));
        refused("ENOENT", "lstat", at(path));
        refused("ENOENT", "access", at(path), "F_OK");
        refused("ENOENT", "readlink", at(path), 100);
        refused("ENOENT", "getxattr", at(path), Text.of("user.note"), 100);
      }
    }
    refused("ENOENT", "open", Text.of(""), "O_RDONLY");
    refused("ENOENT", "stat", at("Sizes"));
    refused("ENOENT", "stat", at("sizes/1 "));
  }

  @Test
  default void keepsTheLimitsOfPaths() {
    String longName = "x".repeat(256);
    refused("ENAMETOOLONG", "stat", at(longName));
    refused("ENAMETOOLONG", "open", at(longName), "O_RDONLY|O_CREAT", 0600);
    refused("ENAMETOOLONG", "mkdir", at(longName));
    refused("ENOENT", "stat", at("y".repeat(255)));
    refused("ENAMETOOLONG", "stat", Text.of(root() + "/." + "/.".repeat(2100)));
    done("stat", Text.of(root() + "/.".repeat((4000 - root().toString().length()) / 2)));
  }

  @Test
  default void opensWhatLiesDeep() {
    String path = "deep" + "/d".repeat(ContractTree.DEEP) + "/end";
    try (Descriptor file = sys().open(at(path), "O_RDONLY")) {
      assertArrayEquals(content(path).bytes(), done("read", file, 100).bytes());
    }
    // Step by step, as programs do whose paths would get too long.
    Descriptor here = sys().open(at("deep"), "O_RDONLY");
    for (int i = 0; i < ContractTree.DEEP; i++) {
      long below = done("openat", here, Text.of("d"), "O_RDONLY|O_DIRECTORY").value();
      here.close();
      here = sys().new Descriptor(below);
    }
    long file = done("openat", here, Text.of("end"), "O_RDONLY").value();
    assertEquals(44, done("read", file, 100).value());
    done("close", file);
    here.close();
  }

  @Test
  default void keepsFilesFromOthers() {
    assertEquals("EACCES", sys().call("as", 2000, "open", at("owned/private"), "O_RDONLY").errno());
    done("as", 1000, "open", at("owned/private"), "O_RDONLY");
    assertEquals("EACCES", sys().call("as", 2000, "stat", at("owned/closed/in")).errno());
    assertEquals("EACCES", sys().call("as", 2000, "list", at("owned/closed")).errno());
    done("as", 1000, "open", at("owned/closed/in"), "O_RDONLY");
    done("as", 1000, "open", at("owned/group"), "O_RDONLY");
    assertEquals("EACCES", sys().call("as", 2000, "access", at("owned/group"), "R_OK").errno());
    done("as", 2000, "open", at("sizes/1"), "O_RDONLY");
    assertEquals("EROFS", sys().call("as", 2000, "open", at("sizes/1"), "O_RDWR").errno());
    assertEquals("EROFS", sys().call("as", 2000, "access", at("sizes/1"), "W_OK").errno());
  }

  @Test
  default void runsPrograms() {
    assertEquals(42, done("run", at("run/script")).value());
    assertEquals(126, done("run", at("run/plain")).value());
    done("access", at("run/script"), "X_OK");
    refused("EACCES", "access", at("run/plain"), "X_OK");
  }
}
