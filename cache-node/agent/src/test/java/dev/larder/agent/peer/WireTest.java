package dev.larder.agent.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.larder.agent.fill.Members.SealedDigests;
import dev.larder.agent.peer.Messages.Ask;
import dev.larder.agent.peer.Messages.AskAnswer;
import dev.larder.agent.peer.Messages.Report;
import dev.larder.agent.peer.Messages.ReportAnswer;
import dev.larder.agent.peer.Messages.Sender;
import dev.larder.agent.peer.Messages.Wanted;
import dev.larder.agent.tracker.Assignment;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.agent.tracker.StripeReport.Standing;
import dev.larder.agent.tracker.TrackerDesk;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.testkit.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class WireTest {
  private static final StripeId STRIPE = new StripeId(BlobKey.origin(new Digest(1, 2, 3, 4)), 5);

  @Test
  void messagesComeBackAsTheyWere() {
    Seeds.run(
        50,
        random -> {
          Ask ask = ask(random);
          assertEquals(ask, Wire.readAsk(Wire.write(ask)));
          AskAnswer answer =
              new AskAnswer(
                  random.nextLong(),
                  List.of(
                      Optional.empty(),
                      told(new Assignment.Lease(random.nextLong()), random),
                      told(new Assignment.Parent("m"), random),
                      told(new Assignment.Untracked(), random)));
          assertEquals(answer, Wire.readAskAnswer(Wire.write(answer)));
          List<StripeReport> reports = new ArrayList<>();
          List<Standing> standings = new ArrayList<>();
          for (StripeReport.Kind kind : StripeReport.Kind.values()) {
            reports.add(
                new StripeReport(
                    STRIPE, kind, random.nextLong(), random.nextLong(), digests(random)));
            standings.add(
                new Standing(
                    random.nextBoolean(),
                    random.nextBoolean(),
                    digests(random),
                    random.nextBoolean() ? "liar" : ""));
          }
          Report report = new Report(new Sender("m", "z", 7), random.nextInt(1000), reports);
          assertEquals(report, Wire.readReport(Wire.write(report)));
          ReportAnswer reportAnswer = new ReportAnswer(random.nextLong(), standings);
          assertEquals(reportAnswer, Wire.readReportAnswer(Wire.write(reportAnswer)));
          SealedDigests sealed =
              new SealedDigests(all(random, random.nextInt(65)), all(random, random.nextInt(300)));
          assertEquals(sealed, Wire.readSealedDigests(Wire.write(sealed)));
        });
  }

  @Test
  void slowMembersGoBehindTheRest() {
    Ask ask =
        new Ask(
            new Sender("ab", "z", 3),
            Set.of("c"),
            List.of(new Wanted(STRIPE, "", -1)),
            Set.of("d", "e"));
    assertEquals(ask, Wire.readAsk(Wire.write(ask)));
  }

  /** What is on the wire of this version stays so. */
  @Test
  void anAskHasTheseBytes() {
    Ask ask = new Ask(new Sender("ab", "z", 3), Set.of("c"), List.of(new Wanted(STRIPE, "", -1)));
    assertEquals(
        "02"
            + "00026162"
            + "00017a"
            + "0000000000000003"
            + "00000001"
            + "000163"
            + "00000001"
            + "02"
            + "0000000000000001000000000000000200000000000000030000000000000004"
            + "00000005"
            + "0000"
            + "ffffffffffffffff",
        HexFormat.of().formatHex(Wire.write(ask)));
  }

  @Test
  void anythingElseIsABadRequest() {
    Seeds.run(
        20,
        random -> {
          byte[] good = Wire.write(ask(random));
          for (int length = 0; length < good.length; length++) {
            refused(Wire::readAsk, Arrays.copyOf(good, length));
          }
          refused(Wire::readAsk, Arrays.copyOf(good, good.length + 1));
          byte[] newer = good.clone();
          newer[0] = 3;
          refused(Wire::readAsk, newer);
          byte[] noise = new byte[random.nextInt(200)];
          random.nextBytes(noise);
          for (Function<byte[], ?> parser :
              List.<Function<byte[], ?>>of(
                  Wire::readAskAnswer, Wire::readReport, Wire::readReportAnswer)) {
            try {
              Object unused = parser.apply(noise);
            } catch (LarderException e) {
              assertEquals(
                  true, e.code() == ErrorCode.BAD_REQUEST || e.code() == ErrorCode.BAD_KEY);
            }
          }
        });
  }

  private static void refused(Function<byte[], ?> parser, byte[] bytes) {
    LarderException e = assertThrows(LarderException.class, () -> parser.apply(bytes));
    assertEquals(ErrorCode.BAD_REQUEST, e.code());
  }

  private static Ask ask(Random random) {
    return new Ask(
        new Sender("m" + random.nextInt(), "", random.nextLong()),
        Set.of("x", "y"),
        List.of(new Wanted(STRIPE, "lost", random.nextLong()), new Wanted(STRIPE, "", 0)));
  }

  private static Optional<TrackerDesk.Answer> told(Assignment assignment, Random random) {
    return Optional.of(new TrackerDesk.Answer(assignment, random.nextBoolean(), digests(random)));
  }

  private static BlockDigests digests(Random random) {
    List<Optional<Digest>> blocks = new ArrayList<>();
    for (int i = random.nextInt(65); i > 0; i--) {
      blocks.add(random.nextBoolean() ? Optional.of(digest(random)) : Optional.empty());
    }
    return BlockDigests.ofPresent(blocks);
  }

  private static List<Digest> all(Random random, int count) {
    List<Digest> digests = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      digests.add(digest(random));
    }
    return digests;
  }

  private static Digest digest(Random random) {
    return new Digest(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
  }
}
