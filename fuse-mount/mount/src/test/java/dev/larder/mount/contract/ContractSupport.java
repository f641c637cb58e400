package dev.larder.mount.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.mount.contract.Syscalls.Answer;
import java.nio.file.Path;

/** What the parts of {@link MountContract} share. */
interface ContractSupport {
  ContractTree tree();

  /** Root of the mount. */
  Path root();

  Syscalls sys();

  /** Where the test may write. */
  Path scratch();

  /** A path of the mount; for names that are UTF-8. */
  default Path at(String path) {
    return root().resolve(path);
  }

  default Content content(String path) {
    Content content = tree().contents().get(path);
    if (content == null) {
      throw new AssertionError("no such file in the tree: " + path);
    }
    return content;
  }

  /** Asserts that a call fails so. */
  default void refused(String errno, Object... call) {
    Answer answer = sys().call(call);
    assertEquals(errno, answer.errno(), () -> java.util.Arrays.toString(call) + ": " + answer);
  }

  /** Makes a call that must succeed. */
  default Answer done(Object... call) {
    Answer answer = sys().call(call);
    assertEquals("", answer.errno(), () -> java.util.Arrays.toString(call));
    return answer;
  }
}
