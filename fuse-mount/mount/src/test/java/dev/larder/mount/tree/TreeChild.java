package dev.larder.mount.tree;

import dev.larder.erofs.Catalog;
import dev.larder.mount.contract.Content;
import dev.larder.mount.contract.ContractTree;
import dev.larder.protocol.LarderException;
import java.io.FileInputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/**
 * A process that mounts {@link #FILES} and serves them until its input ends: with {@code close} it
 * then unmounts, with {@code exit} it ends without, with {@code own} it does so with a file of the
 * mount open. Another argument is the user to become first.
 */
final class TreeChild {
  static final Map<String, Content> FILES =
      new TreeMap<>(Map.of("a", Content.of(1, 100_000), "dir/b", Content.of(2, 3_000_000)));

  private TreeChild() {}

  public static void main(String[] args) throws Throwable {
    Path image = Path.of(args[0]);
    Path target = Path.of(args[1]);
    if (args.length > 3) {
      // All classes are loaded now: as somebody else it may not be able to.
      Path first = Files.createTempDirectory("first");
      try (Catalog catalog = Catalog.open(image)) {
        mount(catalog, first).close();
      }
      Files.delete(first);
      become(Integer.parseInt(args[3]));
    }
    try (Catalog catalog = Catalog.open(image)) {
      // Keeps a descriptor below the mount's: those close in order, the file before the device.
      FileInputStream low = new FileInputStream("/dev/null");
      TreeMount mount;
      try {
        mount = mount(catalog, target);
      } catch (LarderException e) {
        System.out.println(e);
        return;
      }
      low.close();
      // A file of its own mount, which it should not have: it must be able to die all the same.
      FileInputStream own =
          args[2].startsWith("own") ? new FileInputStream(target.resolve("a").toFile()) : null;
      System.out.println("mounted");
      while (System.in.read() >= 0) {
        // Until the parent closes it.
      }
      if (args[2].equals("close")) {
        mount.close();
        System.out.println("closed " + mount.isMounted());
      } else {
        System.out.println(own == null ? "exits" : "exits with a file open");
        System.exit(0);
      }
    }
  }

  private static TreeMount mount(Catalog catalog, Path target) throws Exception {
    TreeFiles files = TreeFixture.inMemory(ContractTree.ofFiles(FILES).blobs());
    return TreeMount.mount(
        new TreeSpec(
            target, "larder:child@1", catalog, files, false, false, TreeConfig.defaults()));
  }

  private static void become(int user) throws Throwable {
    call(
        "setgroups",
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS),
        0L,
        MemorySegment.NULL);
    FunctionDescriptor three =
        FunctionDescriptor.of(
            ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT);
    call("setresgid", three, user, user, user);
    call("setresuid", three, user, user, user);
  }

  private static void call(String name, FunctionDescriptor type, Object... arguments)
      throws Throwable {
    Linker linker = Linker.nativeLinker();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment function =
          linker.defaultLookup().find(name).orElseThrow().reinterpret(arena, null);
      Object result = linker.downcallHandle(function, type).invokeWithArguments(arguments);
      if (!result.equals(0)) {
        throw new AssertionError(name + " failed");
      }
    }
  }
}
