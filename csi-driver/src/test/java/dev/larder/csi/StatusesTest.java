package dev.larder.csi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.ErrorCode.Category;
import io.grpc.Status.Code;
import java.util.Set;
import org.junit.jupiter.api.Test;

class StatusesTest {
  /** Kubelet goes on trying either way; these it takes for "may be at work still". */
  private static final Set<Code> NOT_FINAL =
      Set.of(Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.DEADLINE_EXCEEDED, Code.ABORTED);

  @Test
  void everyFaultHasACodeThatFitsItsCategory() {
    for (ErrorCode code : ErrorCode.values()) {
      Code status = Statuses.code(code);
      assertNotEquals(Code.OK, status, code.name());
      assertNotEquals(Code.UNKNOWN, status, code.name());
      if (code.category() == Category.RETRY_HIGHER) {
        assertTrue(NOT_FINAL.contains(status), code + " is " + status);
      }
    }
  }

  @Test
  void textsOfOthersAreShownShortAndWithoutControls() {
    assertEquals("a?b", VolumeIds.shown("a\u0000b"));
    assertEquals(81, VolumeIds.shown("x".repeat(4096)).length());
    // kubelet takes some KiB of headers, which a status goes into.
    String said = Statuses.invalid("a\u0000" + "x".repeat(1 << 20)).getStatus().getDescription();
    assertEquals("a?x", said.substring(0, 3));
    assertEquals(2049, said.length());
  }
}
