package dev.larder.csi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CauseTest {
  @Test
  void everyReasonIsInTheManual() throws Exception {
    List<String> rows =
        Files.readAllLines(Path.of("../docs/KUBERNETES.md")).stream()
            .filter(line -> line.startsWith("| `"))
            .toList();
    for (Cause cause : Cause.values()) {
      assertTrue(
          rows.stream()
              .map(row -> row.substring(0, row.indexOf(" | ")))
              .anyMatch(cell -> cell.contains("`" + cause.reason() + "`")),
          cause.reason());
      assertTrue(cause.advice().length() < 200, cause.advice());
    }
  }

  @Test
  void aKeeperThatIsMissingIsNotThePodsFault() {
    LarderException fault =
        new LarderException(ErrorCode.UNSUPPORTED, "no keeper can be used: no keeper runs");
    Cause cause = Cause.ofPublish(fault).orElseThrow();
    assertEquals(Cause.KEEPER_UNAVAILABLE, cause);
    assertTrue(cause.advice().contains("keeper"), cause.advice());
    assertEquals(
        Optional.of(Cause.VOLUME_REFUSED), Cause.ofPublish(Statuses.failed("hostUsers: false")));
  }

  @Test
  void whatEndsByItselfOrIsTheNodesMatterIsNoEvent() {
    Set<ErrorCode> told = EnumSet.noneOf(ErrorCode.class);
    Set<ErrorCode> toldOfReads = EnumSet.noneOf(ErrorCode.class);
    for (ErrorCode code : ErrorCode.values()) {
      LarderException fault = new LarderException(code, "x");
      Cause.ofPublish(fault).ifPresent(cause -> told.add(code));
      Cause.ofRead(fault).ifPresent(cause -> toldOfReads.add(code));
    }
    for (ErrorCode code :
        List.of(ErrorCode.CANCELLED, ErrorCode.DEADLINE, ErrorCode.INTERNAL, ErrorCode.CLOSED)) {
      assertTrue(!told.contains(code), code.name());
    }
    assertEquals(
        EnumSet.of(
            ErrorCode.BAD_ORIGIN,
            ErrorCode.ORIGIN_DENIED,
            ErrorCode.ORIGIN_GONE,
            ErrorCode.ORIGIN_CHANGED,
            ErrorCode.ORIGIN_UNAVAILABLE,
            ErrorCode.ORIGIN_CORRUPT,
            ErrorCode.DEADLINE),
        toldOfReads);
    assertEquals(Optional.empty(), Cause.ofPublish(Statuses.aborted("x")));
    assertEquals(Optional.of(Cause.INVALID_VOLUME), Cause.ofPublish(Statuses.invalid("x")));
    assertEquals(Optional.empty(), Cause.ofPublish(Status.DEADLINE_EXCEEDED.asRuntimeException()));
  }
}
