package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.testkit.Needs;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Names, sizes and times are the kernel's own, whoever is stopped or dead. */
class EverybodyStoppedTest {
  private static final long SECONDS_MAX = 5;

  @TempDir Path directory;

  @BeforeEach
  void needs() {
    Needs.root();
  }

  @Test
  void rootsAndListingsAreAnsweredAtOnce() throws Exception {
    try (MountedNode mounted = MountedNode.start(directory)) {
      NodeProcess node = mounted.node();
      long keeper = node.keeperPid();
      look(mounted, "all alive");
      node.signal("STOP");
      look(mounted, "agent stopped");
      signal(keeper, "STOP");
      look(mounted, "agent and keeper stopped");
      node.signal("CONT");
      look(mounted, "keeper stopped");
      node.kill();
      look(mounted, "agent dead, keeper stopped");
      signal(keeper, "CONT");
      look(mounted, "agent dead");
      node.killKeeper();
      look(mounted, "agent and keeper dead");
      node.startAgain();
      mounted.await("it serves", () -> mounted.mount().state().equals("mounted"));
      // The agent's own end of a dead connection is the last state: it is dead to a new keeper.
      look(mounted, "all back");
      mounted.compare();
      mounted.unmountCleanly();
    }
  }

  /** Several kinds of looks, each by a process of its own so that one that hangs is seen. */
  private static void look(MountedNode mounted, String when) throws Exception {
    String target = mounted.target.toString();
    for (String[] command :
        new String[][] {
          {"stat", target},
          {"ls", "-l", target},
          {"ls", "-lR", target},
          {"stat", "-f", target},
          {"find", target, "-size", "+1M"},
          {"df", target}
        }) {
      int status = MountedNode.run(SECONDS_MAX, command);
      // What the file system has free is asked of its layers, and one of them may be gone.
      if (!command[0].equals("df") && !command[1].equals("-f")) {
        assertEquals(0, status, String.join(" ", command) + ": " + when);
      }
    }
  }

  private static void signal(long pid, String name) throws Exception {
    assertEquals(0, MountedNode.run(5, "kill", "-" + name, Long.toString(pid)));
  }
}
