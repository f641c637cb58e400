package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.client.LarderClient;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.testkit.Needs;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A process in a mount name space of its own, as in a container, over what happens on the host. */
class NamespaceTest {
  @TempDir Path directory;

  private Path shared;

  @BeforeEach
  void share() throws Exception {
    Needs.root();
    // As directories of a kubelet are: what is mounted below is seen where it is to be seen.
    shared = Files.createDirectory(directory.resolve("shared"));
    assertEquals(0, MountedNode.run(5, "mount", "--bind", shared.toString(), shared.toString()));
    assertEquals(0, MountedNode.run(5, "mount", "--make-shared", shared.toString()));
  }

  @AfterEach
  void unshare() throws Exception {
    if (!MountedNode.mounts(shared).isEmpty()) {
      assertEquals(0, MountedNode.run(5, "umount", "-l", shared.toString()));
    }
  }

  /** A shell in a mount name space of its own; told a line, it answers with one. */
  private static final class Container implements AutoCloseable {
    private final Process process;
    private final BufferedReader output;
    private final Writer input;

    Container(String propagation) throws IOException {
      process =
          new ProcessBuilder("unshare", "-m", "--propagation", propagation, "bash")
              .redirectErrorStream(true)
              .start();
      output = process.inputReader(StandardCharsets.UTF_8);
      input = process.outputWriter(StandardCharsets.UTF_8);
    }

    String ask(String command) throws IOException {
      input.write("{ " + command + "; } 2>&1 | tr '\\n' ' '; echo\n");
      input.flush();
      return String.valueOf(output.readLine()).strip();
    }

    /** Runs a command in the shell itself. */
    void tell(String command) throws IOException {
      input.write(command + "\n");
      input.flush();
      assertEquals("told", ask("echo told"));
    }

    @Override
    public void close() throws Exception {
      input.close();
      assertTrue(process.waitFor(10, TimeUnit.SECONDS), "the shell does not end");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"private", "slave"})
  void itReadsOnWhateverHappensOnTheHost(String propagation) throws Exception {
    boolean isSlave = propagation.equals("slave");
    try (MountedNode mounted = MountedNode.start(shared)) {
      NodeProcess node = mounted.node();
      mounted.unmount("plain");
      mounted.mount(true);
      mounted.complete(MountedNode.OTHER);
      String small = "many/007";
      Path old = Files.createDirectory(directory.resolve("old"));
      assertEquals(0, MountedNode.run(30, "cp", "-r", mounted.source.toString(), old.toString()));
      String kept = old.resolve("source").toString();
      String target = mounted.target.toString();
      try (Container container = new Container(propagation)) {
        String compare = "cmp %s/%s %s/%s && echo same";
        assertEquals("same", container.ask(compare.formatted(target, small, kept, small)));
        container.tell("exec 3<" + target + "/" + MountedNode.MODEL);

        node.kill();
        node.startAgain();
        String model = MountedNode.MODEL;
        assertEquals("same", container.ask(compare.formatted(target, model, kept, model)));

        mounted.add(new Random(5), small, 777);
        Files.setLastModifiedTime(
            mounted.source.resolve(small), FileTime.from(Instant.now().plusSeconds(5)));
        try (LarderClient client = node.connect()) {
          client.control().refresh("data", (o, b) -> {});
        }
        mounted.await("switched", () -> mounted.mount().snapshot().equals("data@2"));
        mounted.compare();
        // Who shares the host's mounts sees the new snapshot, another one its own.
        String shows = isSlave ? mounted.source.toString() : kept;
        assertEquals("same", container.ask(compare.formatted(target, small, shows, small)));
        String held = "cmp /dev/fd/3 %s/%s && echo same";
        assertEquals("same", container.ask(held.formatted(kept, model)));

        // The packed form takes the plain one's place once; whoever stands in that is let go.
        mounted.await("packed", () -> mounted.mount().packed());
        container.tell("cd " + target);
        if (isSlave) {
          // The host's mount is in use there: plainly it stays, lazily it goes in both.
          LarderException busy =
              assertThrows(LarderException.class, () -> mounted.unmount("plain"));
          assertEquals(ErrorCode.MOUNT_BUSY, busy.code());
          mounted.unmount("lazy");
          assertEquals("0", container.ask("grep -c ' " + target + " ' /proc/self/mountinfo"));
        } else {
          mounted.unmount("plain");
          assertEquals("1", container.ask("grep -c ' " + target + " ' /proc/self/mountinfo"));
        }
        String inside = "cmp %s %s/%s && echo same";
        String other = MountedNode.OTHER;
        assertEquals("same", container.ask(inside.formatted(other, kept, other)));
        assertEquals("same", container.ask(inside.formatted("many/011", kept, "many/011")));
        assertEquals(List.of(), MountedNode.mounts(mounted.target));
      }
      mounted.awaitNothingLeft();
    }
  }

  /** It has the plain form, which nobody reaches any more once the host shows the packed one. */
  @Test
  void largeFilesOfWhenItWasPackedNeedNobody() throws Exception {
    try (MountedNode mounted = MountedNode.start(shared, "mount.remount-interval=1h")) {
      NodeProcess node = mounted.node();
      String target = mounted.target.toString();
      String source = mounted.source.toString();
      try (Container container = new Container("private")) {
        String same = "diff -r %s/large %s/large && echo same".formatted(target, source);
        assertEquals("same", container.ask(same));
        mounted.compare();
        try (LarderClient client = node.connect()) {
          for (String file : mounted.files.keySet()) {
            mounted.await(
                file + " is sealed",
                () ->
                    client
                        .control()
                        .statJson("data", file)
                        .replace(" ", "")
                        .contains("\"sealed\""));
          }
          client.control().pack("data");
        }
        mounted.await("packed", () -> mounted.mount().packed());
        node.kill();
        node.killKeeper();
        assertEquals("same", container.ask(same));
      }
    }
  }
}
