package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.fill.FillReader;
import dev.larder.agent.fill.FillReader.ReadShape;
import dev.larder.agent.fill.FillSource;
import dev.larder.agent.fill.Members.SealedDigests;
import dev.larder.agent.peer.LyingPeer.Vice;
import dev.larder.agent.peer.Messages.Ask;
import dev.larder.agent.peer.Messages.Report;
import dev.larder.agent.peer.Messages.Sender;
import dev.larder.agent.peer.Messages.Wanted;
import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.ReadPlane.BlobSource;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.agent.tracker.Assignment;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A member that fetches under a lease tells digests of wrong bytes, and another one serves those:
 * each block is what its digest promises, and only the blob as a whole tells.
 */
@Timeout(120)
class LyingLesseesTest {
  private static final int SIZE = 12 * MIB + 77;
  private static final int WRONG_BLOCK = 2;

  @TempDir Path directory;

  @Test
  void whatTheOriginVouchesForIsReadThereWhenMembersLied() throws Exception {
    try (Lie lie = new Lie()) {
      lie.fleet.origin.publish(
          lie.object,
          new ContentChecksum(
              ContentChecksum.Algorithm.SHA256, Digests.ofBytes(lie.right).bytes()));
      assertEquals(ErrorCode.STORE_CORRUPT, lie.fillFails());
      lie.fill();
      lie.assertFoundOut();
    }
  }

  @Test
  void whatHasAnotherRootThanTheRecordedOneIsReadWithoutThoseWhoLied() throws Exception {
    try (Lie lie = new Lie()) {
      // The root becomes known while the last part comes: the first was believed by then.
      CountDownLatch gate = PeersTest.gateAt(lie.fleet, 8 * MIB);
      Future<ErrorCode> first = lie.fleet.run(lie::fillFails);
      Fleet.await("half is here", () -> lie.reader.peerBytes() >= 6 * MIB);
      Fleet.await("at the origin", () -> lie.reader.originBytes() > 0);
      lie.fleet.record(lie.object.key(), Digests.rootOf(ByteBuffer.wrap(lie.right)));
      gate.countDown();
      assertEquals(ErrorCode.STORE_CORRUPT, Fleet.get(first));
      lie.fill();
      lie.assertFoundOut();
    }
  }

  /** It cannot take back what it was handed, and so must not end well. */
  @Test
  void whoWasHandedWrongBytesIsToldSo() throws Exception {
    try (Lie lie = new Lie()) {
      lie.fleet.origin.publish(
          lie.object,
          new ContentChecksum(
              ContentChecksum.Algorithm.SHA256, Digests.ofBytes(lie.right).bytes()));
      LarderException fault =
          assertThrows(
              LarderException.class,
              () -> {
                try (BlobRead read =
                    lie.reader.plane.open(
                        new BlobSource("data", lie.object), ReadIntent.SEQUENTIAL)) {
                  for (long at = 0; at < SIZE; ) {
                    at += read.next(at, MIB).length();
                  }
                }
              });
      assertEquals(ErrorCode.ORIGIN_CORRUPT, fault.code());
      lie.fleet.read(lie.reader, lie.object, ReadIntent.SEQUENTIAL);
      Fleet.await("sealed", () -> lie.reader.isSealed(lie.object));
      lie.assertFoundOut();
    }
  }

  /** The accomplice is gone as well, and so is what its tracker knew of the stripe. */
  @Test
  void whoLiedIsFoundOutAfterEverybodyLeft() throws Exception {
    try (Lie lie = new Lie(Vice.CLOSES)) {
      lie.fleet.origin.publish(
          lie.object,
          new ContentChecksum(
              ContentChecksum.Algorithm.SHA256, Digests.ofBytes(lie.right).bytes()));
      assertEquals(ErrorCode.STORE_CORRUPT, lie.fillFails());
      Fleet.await("nobody has it", () -> lie.tracker.engine.gauges().get("tracked_stripes") == 0);
      lie.fill();
      lie.assertFoundOut();
    }
  }

  /** The liar told the digests and left; the accomplice serves half of the bytes. */
  private final class Lie implements AutoCloseable {
    final Fleet fleet = new Fleet(directory);
    final byte[] right = new byte[SIZE];
    final OriginObject object;
    final FleetNode tracker;
    final FleetNode reader;
    private final LyingPeer accomplice;

    Lie() throws Exception {
      this(Vice.ENDS);
    }

    Lie(Vice vice) throws Exception {
      fleet.recording(false);
      new Random(21).nextBytes(right);
      object = fleet.origin.add("object", right);
      byte[] wrong = right.clone();
      wrong[WRONG_BLOCK * MIB + 5] ^= 1;
      List<Digest> blocks = Fleet.blocks(wrong);
      TlsMaterial material = fleet.certify("liar", "accomplice");
      accomplice =
          new LyingPeer(
              wrong, vice, new SealedDigests(blocks, List.of(Digests.stripe(blocks))), material);
      tracker = fleet.add("tracker");
      reader = fleet.add("reader");
      fleet.weigh("reader", 0);
      fleet.addForeign("liar", accomplice.address(), 0);
      fleet.addForeign("accomplice", accomplice.address(), 0);
      fleet.publish();
      StripeId stripe = new StripeId(object.key(), 0);
      try (PeerClient client = new PeerClient(Fleet.peerConfig(), new PeerTls(() -> material))) {
        long lease = lease(client, stripe);
        report(client, "liar", stripe, StripeReport.Kind.PROGRESS, lease, blocks);
        report(client, "accomplice", stripe, StripeReport.Kind.COMPLETE, 0, List.of());
        report(client, "liar", stripe, StripeReport.Kind.LEFT, lease, List.of());
      }
    }

    void fill() {
      try (FillReader filling =
          reader.plane.fill(new FillSource(fleet.origin, object), ReadShape.WARM)) {
        filling.awaitComplete();
      }
    }

    ErrorCode fillFails() {
      return assertThrows(LarderException.class, this::fill).code();
    }

    void assertFoundOut() throws Exception {
      fleet.read(reader, object, ReadIntent.WHOLE);
      assertTrue(accomplice.ranges.get() > 0, "nobody was lied to");
      assertEquals(1, reader.wrongBlocks());
      Fleet.await("both are left", () -> reader.engine.gauges().get("demoted_members") == 2);
      assertEquals(0, reader.engine.counters().integrityFailures.sum(), "the origin is blamed");
      // Nobody is sent to them any more, and what is vouched for now is right.
      int before = accomplice.ranges.get();
      FleetNode next = fleet.add("next");
      fleet.weigh("next", 0);
      fleet.publish();
      fleet.read(next, object, ReadIntent.WHOLE);
      assertEquals(before, accomplice.ranges.get());
      assertEquals(SIZE, next.peerBytes());
    }

    private long lease(PeerClient client, StripeId stripe) {
      Ask ask = new Ask(new Sender("liar", "", 1), Set.of(), List.of(new Wanted(stripe, "", 0)));
      byte[] answer = client.post(fleet.door("tracker"), "/peer/v1/ask", Wire.write(ask), 0);
      Assignment assignment =
          Wire.readAskAnswer(answer).answers().getFirst().orElseThrow().assignment();
      return assignment instanceof Assignment.Lease granted ? granted.lease() : 0;
    }

    private void report(
        PeerClient client,
        String member,
        StripeId stripe,
        StripeReport.Kind kind,
        long lease,
        List<Digest> told) {
      BlockDigests digests = BlockDigests.ofPresent(told.stream().map(Optional::of).toList());
      StripeReport report = new StripeReport(stripe, kind, lease, 0, digests);
      client.post(
          fleet.door("tracker"),
          "/peer/v1/report",
          Wire.write(new Report(new Sender(member, "", 1), 0, List.of(report))),
          0);
    }

    @Override
    public void close() throws Exception {
      accomplice.close();
      fleet.close();
    }
  }
}
