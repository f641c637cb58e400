package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.cluster.ClusterView;
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
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Whatever a member sends, readers get right bytes, and the member is left alone for a time. */
@Timeout(120)
class LyingPeersTest {
  private static final int SIZE = 12 * MIB + 77;

  @TempDir Path directory;

  @Test
  void wrongBytesAreNeverShown() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      FleetNode reader = readFrom(fleet, Vice.WRONG_BYTES, false);
      assertTrue(reader.wrongBlocks() >= 1);
      assertDemoted(reader);
      assertEquals(Map.of("liar", "wrong bytes"), reader.peers.left());
    }
  }

  @Test
  void wrongSmallFilesAreNeverShown() throws Exception {
    for (Vice vice : List.of(Vice.WRONG_BYTES, Vice.WRONG_RANGE, Vice.STALLS, Vice.CLOSES)) {
      try (Fleet fleet = new Fleet(directory.resolve(vice.name()))) {
        FleetNode reader = readFrom(fleet, vice, false, 40_000);
        assertEquals(
            vice == Vice.WRONG_BYTES || vice == Vice.WRONG_RANGE ? 1 : 0, reader.wrongBlocks());
        assertDemoted(reader);
        assertEquals(40_000, fleet.origin.bytesSent());
      }
    }
  }

  @Test
  void anotherRangeIsRefused() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      FleetNode reader = readFrom(fleet, Vice.WRONG_RANGE, false);
      assertTrue(reader.wrongBlocks() >= 1);
      assertDemoted(reader);
    }
  }

  @Test
  void whoStallsIsLeft() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      FleetNode reader = readFrom(fleet, Vice.STALLS, false);
      assertDemoted(reader);
      assertEquals(Map.of("liar", "silent"), reader.peers.left());
    }
  }

  @Test
  void whoSendsNextToNothingIsLeft() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      assertDemoted(readFrom(fleet, Vice.TRICKLES, false));
    }
  }

  @Test
  void whoDripsItsHeadIsLeft() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      assertDemoted(readFrom(fleet, Vice.DRIPS_HEAD, false));
    }
  }

  @Test
  void whoDripsTheSizesOfItsAnswerIsLeft() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      assertDemoted(readFrom(fleet, Vice.DRIPS_SIZE, false));
    }
  }

  @Test
  void digestsThatDripOrHaveNoRoomHoldNobodyUp() throws Exception {
    OriginObject object;
    try (Fleet fleet = new Fleet(directory)) {
      object = fleet.origin.add("object", SIZE, new Random(7));
      byte[] content = fleet.origin.content(object);
      List<Digest> blocks = Fleet.blocks(content);
      SealedDigests told = new SealedDigests(blocks, List.of(Digests.stripe(blocks)));
      PeerConfig quick = Fleet.peerConfig(Duration.ofSeconds(1), Duration.ofMinutes(5), false);
      for (Vice vice : List.of(Vice.DRIPS_DIGESTS, Vice.HUGE_DIGESTS)) {
        try (LyingPeer liar = new LyingPeer(content, vice, told, fleet.materialOf("liar"));
            PeerClient client =
                new PeerClient(quick, new PeerTls(() -> fleet.materialOf("reader")))) {
          long began = System.nanoTime();
          LarderException fault =
              assertThrows(
                  LarderException.class,
                  () ->
                      client.digests(
                          MemberDoor.parse("liar", liar.address()), object.key(), 0, 1, false));
          assertEquals(ErrorCode.AGENT_UNAVAILABLE, fault.code());
          long millis = (System.nanoTime() - began) / 1_000_000;
          assertTrue(millis < 10_000, vice + " held the reader up for " + millis + " ms");
          assertEquals(1, liar.digestsAsked.get());
        }
      }
    }
  }

  @Test
  void whoIsMuchSlowerThanTheOthersIsLeft() throws Exception {
    OriginObject object;
    try (Fleet fleet = new Fleet(directory)) {
      object = fleet.origin.add("object", 86 * MIB, new Random(8));
      byte[] content = fleet.origin.content(object);
      List<Digest> last = Fleet.blocks(Arrays.copyOfRange(content, 64 * MIB, 86 * MIB));
      SealedDigests none = new SealedDigests(List.of(), List.of());
      try (LyingPeer slow = new LyingPeer(content, Vice.SLOW, none, fleet.materialOf("liar"))) {
        FleetNode tracker = fleet.add("tracker");
        FleetNode reader = fleet.add("reader");
        fleet.weigh("reader", 0);
        fleet.addForeign("liar", slow.address(), 0);
        fleet.publish();
        hold(fleet, tracker, new StripeId(object.key(), 1), last);
        fleet.read(tracker, object, ReadIntent.RANDOM, 0, 64 * MIB);
        try (BlobRead keepsTheFlight =
            tracker.plane.open(new BlobSource("data", object), ReadIntent.RANDOM)) {
          keepsTheFlight.next(0, 1);
          Future<?> reading = fleet.reading("reader", object, ReadIntent.WHOLE);
          Fleet.await("named to people", () -> reader.peers.left().containsValue("slow"));
          reading.get();
        }
        assertTrue(slow.ranges.get() > 0, "the slow one was never asked");
        // Found slow, and later as good as silent: as nobody else has the stripe, the origin is
        // read.
        assertTrue(reader.peers.counters().get("peer_demotions_total") >= 1);
        long sent = fleet.origin.bytesSent();
        assertTrue(sent > 64 * MIB, "from the origin: " + sent);
      }
    }
  }

  @Test
  void whatSealsOnAnotherRootIsSetAsideAndTheRecordedOneRead() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      byte[] right = new byte[SIZE];
      new Random(9).nextBytes(right);
      byte[] wrong = right.clone();
      wrong[5 * MIB] ^= 1;
      OriginObject object = fleet.origin.add("object", right);
      FleetNode first = fleet.add("first");
      FleetNode second = fleet.add("second");
      fleet.weigh("second", 0);
      fleet.holdView("second", ClusterView.empty());
      fleet.publish();
      fleet.read(first, object, ReadIntent.WHOLE);
      Fleet.await("recorded", () -> fleet.root(object.key()).isPresent());
      // The origin gives the second one, which knows of nobody, other bytes of the same version.
      fleet.origin.add("object", wrong);
      fleet.read(second, object, ReadIntent.WHOLE);
      Fleet.await("set aside", () -> second.store.stats().counters().get("quarantined_total") == 1);
      assertFalse(second.isSealed(object));
      fleet.origin.add("object", right);
      fleet.holdView("second", fleet.view());
      long before = fleet.origin.bytesSent();
      fleet.read(second, object, ReadIntent.WHOLE);
      assertEquals(before, fleet.origin.bytesSent());
      Fleet.await("sealed", () -> second.isSealed(object));
    }
  }

  @Test
  void whoClosesEarlyIsLeftAndWhatCameIsKept() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      FleetNode reader = readFrom(fleet, Vice.CLOSES, false);
      assertDemoted(reader);
      assertEquals(Map.of("liar", "not reached or closes early"), reader.peers.left());
      assertTrue(fleet.origin.bytesSent() < SIZE, "from the origin: " + fleet.origin.bytesSent());
    }
  }

  @Test
  void whoHasNoMoreIsNotBlamed() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      FleetNode reader = readFrom(fleet, Vice.ENDS, false);
      assertEquals(0, reader.peers.counters().get("peer_demotions_total"));
      assertTrue(fleet.origin.bytesSent() < SIZE, "from the origin: " + fleet.origin.bytesSent());
    }
  }

  @Test
  void digestsMustHashToTheRecordedRoot() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      FleetNode reader = readFrom(fleet, Vice.WRONG_DIGESTS, true);
      assertTrue(reader.wrongBlocks() >= 1);
      assertDemoted(reader);
      assertEquals(SIZE, fleet.origin.bytesSent());
    }
  }

  @Test
  void whoComesUnaskedWithDigestsIsNotBelieved() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("object", 4 * MIB, new Random(7));
      byte[] wrong = fleet.origin.content(object).clone();
      wrong[2 * MIB + 5] ^= 1;
      List<Digest> blocks = Fleet.blocks(wrong);
      SealedDigests told = new SealedDigests(blocks, List.of(Digests.stripe(blocks)));
      TlsMaterial material = fleet.materialOf("liar");
      try (LyingPeer liar = new LyingPeer(wrong, Vice.WRONG_DIGESTS, told, material);
          PeerClient client = new PeerClient(Fleet.peerConfig(), new PeerTls(() -> material))) {
        FleetNode tracker = fleet.add("tracker");
        FleetNode reader = fleet.add("reader");
        fleet.weigh("reader", 0);
        fleet.addForeign("liar", liar.address(), 0);
        fleet.publish();
        complete(client, tracker, new StripeId(object.key(), 0), 0, blocks);
        fleet.read(reader, object, ReadIntent.WHOLE);
        Fleet.await("sealed", () -> fleet.root(object.key()).isPresent());
        assertEquals(
            Digests.rootOf(ByteBuffer.wrap(fleet.origin.content(object))),
            fleet.root(object.key()).orElseThrow());
        assertEquals(4 * MIB, fleet.origin.bytesSent());
      }
    }
  }

  private static void assertDemoted(FleetNode reader) {
    assertEquals(1, reader.peers.counters().get("peer_demotions_total"));
    assertEquals(1, reader.engine.gauges().get("demoted_members"));
  }

  /** A node whose tracker sends it to a member with a vice; the node's counters are the result. */
  private FleetNode readFrom(Fleet fleet, Vice vice, boolean isRootKnown) throws Exception {
    return readFrom(fleet, vice, isRootKnown, SIZE);
  }

  private FleetNode readFrom(Fleet fleet, Vice vice, boolean isRootKnown, int size)
      throws Exception {
    OriginObject object = fleet.origin.add("object", size, new Random(7));
    byte[] content = fleet.origin.content(object);
    List<Digest> blocks = Fleet.blocks(content);
    SealedDigests told = new SealedDigests(blocks.reversed(), List.of(Digests.stripe(blocks)));
    if (isRootKnown) {
      fleet.record(object.key(), Digests.rootOf(ByteBuffer.wrap(content)));
    }
    try (LyingPeer liar = new LyingPeer(content, vice, told, fleet.materialOf("liar"))) {
      FleetNode tracker = fleet.add("tracker");
      FleetNode reader =
          fleet.add(
              "reader",
              "",
              Fleet.peerConfig(Duration.ofSeconds(3), Duration.ofMinutes(5), false),
              Fleet.fillConfig(Duration.ofSeconds(15)));
      fleet.weigh("reader", 0);
      fleet.addForeign("liar", liar.address(), 0);
      fleet.publish();
      hold(fleet, tracker, new StripeId(object.key(), 0), blocks);
      fleet.read(reader, object, ReadIntent.WHOLE);
      assertTrue(liar.ranges.get() >= (vice == Vice.WRONG_DIGESTS ? 0 : 1), "nobody was lied to");
      Fleet.await("sealed", () -> reader.isSealed(object));
      return reader;
    }
  }

  /** The member fetches the stripe under a lease, as far as the tracker can see. */
  private static void hold(Fleet fleet, FleetNode tracker, StripeId stripe, List<Digest> blocks) {
    TlsMaterial material = fleet.materialOf("liar");
    try (PeerClient client = new PeerClient(Fleet.peerConfig(), new PeerTls(() -> material))) {
      Ask ask =
          new Ask(new Sender("liar", "", 1), Set.of("tracker"), List.of(new Wanted(stripe, "", 0)));
      AtomicLong lease = new AtomicLong();
      Fleet.await(
          "the liar has the lease",
          () -> {
            byte[] answer =
                client.post(
                    MemberDoor.parse("tracker", tracker.address()),
                    "/peer/v1/ask",
                    Wire.write(ask),
                    0);
            Assignment assignment =
                Wire.readAskAnswer(answer).answers().getFirst().orElseThrow().assignment();
            lease.set(assignment instanceof Assignment.Lease granted ? granted.lease() : 0);
            return lease.get() != 0;
          });
      complete(client, tracker, stripe, lease.get(), blocks);
    }
  }

  private static void complete(
      PeerClient client, FleetNode tracker, StripeId stripe, long lease, List<Digest> blocks) {
    StripeReport report =
        new StripeReport(
            stripe,
            StripeReport.Kind.COMPLETE,
            lease,
            0,
            BlockDigests.ofPresent(blocks.stream().map(Optional::of).toList()));
    client.post(
        MemberDoor.parse("tracker", tracker.address()),
        "/peer/v1/report",
        Wire.write(new Report(new Sender("liar", "", 1), 0, List.of(report))),
        0);
  }
}
