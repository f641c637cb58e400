package dev.larder.agent.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.cluster.Cluster;
import dev.larder.agent.cluster.ClusterView;
import dev.larder.agent.cluster.Peer;
import dev.larder.protocol.BlobKey;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What members say of newer member lists is a hint. */
class ViewsTest {
  private static final class Coordinated implements Cluster {
    final AtomicInteger hints = new AtomicInteger();
    volatile ClusterView view = new ClusterView(1, List.of(new Peer("a", "h:1", "", 1)));
    volatile boolean answers;
    private Consumer<ClusterView> listener = view -> {};

    @Override
    public String self() {
      return "a";
    }

    @Override
    public ClusterView view() {
      return view;
    }

    @Override
    public void onView(Consumer<ClusterView> listener) {
      this.listener = listener;
    }

    @Override
    public void newerHeard(long epoch) {
      hints.incrementAndGet();
      if (answers) {
        Thread.ofVirtual()
            .start(() -> {
              view = new ClusterView(2, List.of(new Peer("b", "h:2", "", 1)));
              listener.accept(view);
            });
      }
    }

    @Override
    public List<String> holders(BlobKey key) {
      return List.of();
    }
  }

  @Test
  void aMembersWordReplacesNothing() {
    Coordinated cluster = new Coordinated();
    Views views = new Views(cluster);
    ClusterView before = views.now();
    long began = System.nanoTime();
    assertFalse(views.heard(Long.MAX_VALUE, 1, true));
    long first = System.nanoTime() - began;
    assertTrue(first < Duration.ofSeconds(5).toNanos(), "waited " + first);
    began = System.nanoTime();
    for (int time = 0; time < 100; time++) {
      assertFalse(views.heard(Long.MAX_VALUE, 1, true));
    }
    long rest = System.nanoTime() - began;
    assertTrue(rest < Duration.ofSeconds(5).toNanos(), "a liar had a hundred wait for " + rest);
    assertSame(before, views.now());
    assertEquals(101, cluster.hints.get());
  }

  @Test
  void theCoordinatorsListIsWaitedFor() {
    Coordinated cluster = new Coordinated();
    cluster.answers = true;
    Views views = new Views(cluster);
    assertTrue(views.heard(3, 1, true));
    assertEquals(2, views.now().epoch());
    // Nothing is newer than what was used now, whatever the member goes by.
    assertFalse(views.heard(2, 2, true));
    assertEquals(1, cluster.hints.get());
  }
}
