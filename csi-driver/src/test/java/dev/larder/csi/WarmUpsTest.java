package dev.larder.csi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.job.Jobs.JobInfo;
import dev.larder.agent.job.Jobs.State;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.PathGlob;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
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

  /** So a pod's event says what is wrong, and not of all of it that the origin is away. */
  @Test
  void whatFailedSaysWhy() {
    for (ErrorCode code : ErrorCode.values()) {
      LarderException fault = WarmUps.fault(ended(State.FAILED, Optional.of(code)));
      ErrorCode expected =
          switch (code) {
            case DEADLINE -> ErrorCode.ORIGIN_UNAVAILABLE;
            case BAD_ORIGIN -> ErrorCode.ORIGIN_DENIED;
            case ErrorCode other -> other;
          };
      assertEquals(expected, fault.code());
      assertEquals(
          "2 files of data@1 could not be filled, the first: a/b: it broke", fault.getMessage());
    }
    assertEquals(
        ErrorCode.ORIGIN_UNAVAILABLE, WarmUps.fault(ended(State.FAILED, Optional.empty())).code());
  }

  @Test
  void whatAUserCancelledIsNobodysFault() {
    LarderException fault =
        WarmUps.fault(ended(State.CANCELLED, Optional.of(ErrorCode.ORIGIN_DENIED)));
    assertEquals(ErrorCode.CANCELLED, fault.code());
    assertEquals(Optional.empty(), Cause.ofPublish(fault));
    String said = String.valueOf(fault.getMessage());
    assertTrue(said.contains("a user cancelled") && said.contains("begun anew"), said);
  }

  private static JobInfo ended(State state, Optional<ErrorCode> code) {
    return new JobInfo(
        "job-1",
        "warm",
        "data@1",
        "",
        state,
        3,
        1,
        300,
        100,
        2,
        Optional.of("a/b: it broke"),
        code,
        Instant.EPOCH,
        Optional.of(Instant.EPOCH));
  }
}
