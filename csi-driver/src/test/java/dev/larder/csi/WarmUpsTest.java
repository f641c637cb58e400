package dev.larder.csi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.PathGlob;
import java.util.List;
import org.junit.jupiter.api.Test;

class WarmUpsTest {
  @Test
  void aDirectoryIsTakenByItsNameWhateverItIs() {
    for (String directory :
        List.of("run[1]", "a*", "b?c", "set{a", "set}", "x{a,b}", "back\\slash")) {
      PathGlob all = PathGlob.parse(WarmUps.inside(directory, ""));
      assertTrue(all.matches(directory + "/deep/file"), directory);
      PathGlob some = PathGlob.parse(WarmUps.inside(directory, "*.bin"));
      assertTrue(some.matches(directory + "/file.bin"), directory);
      assertFalse(some.matches(directory + "/file.txt"), directory);
    }
    assertFalse(PathGlob.parse(WarmUps.inside("a*", "")).matches("ab/file"));
    assertEquals("*.bin", WarmUps.inside("", "*.bin"));
  }
}
