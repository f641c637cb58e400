package dev.larder.csi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.csi.EventSink.Answer;
import dev.larder.csi.EventSink.PodEvent;
import dev.larder.testkit.FakeClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What becomes of causes that are reported, with a clock that the test moves. */
class PodEventsTest {
  private static final Duration INTERVAL = Duration.ofMinutes(5);
  private static final PodRef POD = new PodRef("team", "pod-1", "uid-1");

  private final FakeClock clock = new FakeClock();
  private final Sink sink = new Sink();
  private final PodEvents events = new PodEvents(4, INTERVAL, sink, clock, clock::nanos);

  /** Keeps what comes, and answers as it is told. */
  private static class Sink implements EventSink {
    final List<PodEvent> created = new ArrayList<>();
    final List<PodEvent> updated = new ArrayList<>();
    Answer answer = Answer.DONE;
    boolean isClosed;

    @Override
    public Answer create(PodEvent event) {
      created.add(event);
      return answer;
    }

    @Override
    public Answer update(PodEvent event) {
      updated.add(event);
      return answer;
    }

    @Override
    public void close() {
      isClosed = true;
    }
  }

  private void report(PodRef pod, String text) {
    events.report(pod, "volume-1", Cause.OBJECT_CHANGED, text);
  }

  private int post() {
    int count = 0;
    while (events.step()) {
      count++;
    }
    return count;
  }

  @Test
  void whatRepeatsIsOneEventWithACount() {
    report(POD, "file a");
    assertEquals(1, post());
    PodEvent first = sink.created.getFirst();
    assertEquals("ObjectChanged", first.reason());
    assertTrue(first.message().startsWith("file a – make the pod again"), first.message());
    assertTrue(first.name().startsWith("pod-1."), first.name());
    for (int i = 0; i < 1000; i++) {
      report(POD, "file b" + i);
    }
    assertEquals(0, post(), "not before its interval is over");
    clock.advance(INTERVAL);
    assertEquals(1, post());
    PodEvent second = sink.updated.getFirst();
    assertEquals(first.name(), second.name());
    assertEquals(1001, second.count());
    assertTrue(second.message().startsWith("file b999"), second.message());
    assertEquals(first.first(), second.first());
    clock.advance(INTERVAL);
    assertEquals(0, post(), "nothing happened since");
  }

  @Test
  void podsVolumesAndCausesAreToldApart() {
    report(POD, "x");
    report(new PodRef("team", "pod-1", "uid-2"), "x");
    events.report(POD, "volume-2", Cause.OBJECT_CHANGED, "x");
    events.report(POD, "volume-1", Cause.ORIGIN_DENIED, "x");
    assertEquals(4, post());
    Set<String> names = new HashSet<>();
    sink.created.forEach(event -> names.add(event.name()));
    assertEquals(4, names.size(), names.toString());
  }

  @Test
  void anEventThatIsGoneIsMadeAnew() {
    report(POD, "x");
    assertEquals(1, post());
    sink.answer = Answer.GONE;
    clock.advance(INTERVAL);
    report(POD, "y");
    assertTrue(events.step());
    sink.answer = Answer.DONE;
    assertEquals(1, post());
    assertEquals(2, sink.created.size());
    PodEvent anew = sink.created.getLast();
    assertNotEquals(sink.created.getFirst().name(), anew.name());
    assertEquals(1, anew.count(), "what was told before is told");
  }

  @Test
  void whatCannotBePostedWaitsLongerEachTime() {
    sink.answer = Answer.LATER;
    report(POD, "x");
    int tries = 0;
    for (int second = 0; second < 3600; second++) {
      tries += post();
      clock.advance(Duration.ofSeconds(1));
    }
    // 1, 2, 4 … 256 seconds, then every five minutes.
    assertTrue(tries >= 15 && tries <= 25, tries + " tries in an hour");
    sink.answer = Answer.DONE;
    clock.advance(INTERVAL);
    assertEquals(1, post());
    assertEquals(1L, events.figures().get("events_posted_total"));
    assertEquals(0L, events.figures().get("events_waiting"));
  }

  @Test
  void noMoreAreRememberedThanTheBound() {
    sink.answer = Answer.LATER;
    for (int i = 0; i < 100; i++) {
      report(new PodRef("team", "pod-" + i, "uid-" + i), "x");
    }
    assertEquals(4L, events.figures().get("events_waiting"));
    assertEquals(96L, events.figures().get("events_dropped_total"));
    sink.answer = Answer.DONE;
    clock.advance(INTERVAL);
    assertEquals(4, post());
    report(new PodRef("team", "pod-200", "uid-200"), "x");
    assertEquals(1, post(), "what was posted makes room");
    sink.answer = Answer.REFUSED;
    report(new PodRef("team", "pod-201", "uid-201"), "x");
    assertEquals(1, post());
    clock.advance(INTERVAL);
    assertEquals(0, post(), "what is never taken is not tried again");
  }

  @Test
  void messagesFitAndHoldNoControlCharacters() {
    report(new PodRef("team", "p".repeat(253), "uid"), "a\u0000b\n" + "x".repeat(5000));
    assertEquals(1, post());
    PodEvent event = sink.created.getFirst();
    assertTrue(event.message().length() <= 1024, event.message());
    assertTrue(event.message().startsWith("a?b?xx"), event.message());
    assertTrue(event.message().endsWith(Cause.OBJECT_CHANGED.advice()), "the advice is not cut");
    assertTrue(event.name().length() <= 253, event.name());
  }

  @Test
  void itsThreadPostsAndEnds() throws Exception {
    List<PodEvent> seen = java.util.Collections.synchronizedList(new ArrayList<>());
    var posted = new java.util.concurrent.CountDownLatch(2);
    Sink counting =
        new Sink() {
          @Override
          public Answer create(PodEvent event) {
            seen.add(event);
            posted.countDown();
            return Answer.DONE;
          }
        };
    PodEvents running =
        new PodEvents(4, INTERVAL, counting, java.time.InstantSource.system(), System::nanoTime);
    running.start();
    running.report(POD, "v", Cause.NODE_FULL, "x");
    running.report(POD, "w", Cause.NODE_FULL, "x");
    assertTrue(posted.await(10, java.util.concurrent.TimeUnit.SECONDS), seen.toString());
    running.close();
    assertTrue(counting.isClosed);
  }

  @Test
  void podsThatKubernetesWouldNotTakeAreNone() {
    assertEquals(Optional.of(POD), PodRef.of(context("team", "pod-1", "uid-1")));
    for (String bad : List.of("", "../x", "a/b", "A", "x?y", "-x", "x%2f", "a\u0000")) {
      assertEquals(Optional.empty(), PodRef.of(context(bad, "pod-1", "uid-1")), bad);
      assertEquals(Optional.empty(), PodRef.of(context("team", bad, "uid-1")), bad);
    }
    assertEquals(Optional.empty(), PodRef.of(context("team", "pod-1", "")));
    assertEquals(Optional.empty(), PodRef.of(context("team", "p".repeat(254), "uid-1")));
    assertFalse(PodRef.of(context("team", "a.b-c", "uid-1")).isEmpty());
  }

  private static Map<String, String> context(String namespace, String name, String uid) {
    return Map.of(
        "csi.storage.k8s.io/pod.namespace", namespace,
        "csi.storage.k8s.io/pod.name", name,
        "csi.storage.k8s.io/pod.uid", uid);
  }
}
