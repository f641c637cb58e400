package dev.larder.agent.tracker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.placement.PlacedMember;
import dev.larder.protocol.placement.Placement;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class OwnStripesTest {
  private static final int STRIPES = 500;

  @Test
  void answersAsTheMemberListOfNowAlsoWhereItIsAskedAgainAndForgetsMost() {
    OwnStripes own = new OwnStripes("b", 2, 16);
    Placement three = placement(1, "a", "b", "c");
    Placement four = placement(2, "a", "b", "c", "d");
    for (Placement placement : List.of(three, three, four, three)) {
      int tracked = 0;
      for (int i = 0; i < STRIPES; i++) {
        StripeId stripe = new StripeId(BlobKey.origin(new Digest(i, 1, 2, 3)), i % 5);
        boolean isExpected =
            placement.ranked(stripe.key(), stripe.stripe(), 2).stream()
                .anyMatch(member -> member.id().equals("b"));
        assertEquals(isExpected, own.contains(placement, stripe, ""));
        assertEquals(isExpected, own.contains(placement, stripe, ""));
        tracked += isExpected ? 1 : 0;
      }
      // Two of three members, or two of four.
      double share = placement == three ? 2 / 3.0 : 0.5;
      assertEquals(share, (double) tracked / STRIPES, 0.1);
    }
  }

  private static Placement placement(long epoch, String... ids) {
    List<PlacedMember> members = new ArrayList<>();
    for (String id : ids) {
      members.add(new PlacedMember(id, "", 1));
    }
    return new Placement(epoch, members);
  }
}
