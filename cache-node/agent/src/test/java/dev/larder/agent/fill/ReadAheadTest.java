package dev.larder.agent.fill;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.testkit.Seeds;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ReadAheadTest {
  private static final long MIB = 1L << 20;
  private static final long MAX = 128 * MIB;
  private static final long SIZE = 4096 * MIB;

  @Test
  void windowDoublesToItsBoundForASequentialReader() {
    ReadAhead readAhead = new ReadAhead(SIZE, MAX, 16);
    long widest = 0;
    for (long offset = 0; offset < 1024 * MIB; offset += MIB / 4) {
      long ahead = readAhead.aheadEnd(offset, MIB / 4, true) - offset;
      assertTrue(ahead <= MAX, "never beyond the bound: " + ahead);
      if (offset < 2 * MIB) {
        assertTrue(ahead <= 8 * MIB, "starts small: " + ahead);
      }
      widest = Math.max(widest, ahead);
    }
    assertEquals(MAX, widest);
  }

  @Test
  void extendsInLargeSteps() {
    ReadAhead readAhead = new ReadAhead(SIZE, MAX, 16);
    int steps = 0;
    long last = 0;
    for (long offset = 0; offset < 1024 * MIB; offset += MIB / 4) {
      long end = readAhead.aheadEnd(offset, MIB / 4, true);
      if (end != last) {
        steps++;
        last = end;
      }
    }
    assertTrue(steps < 40, "steps: " + steps);
  }

  @Test
  void aRandomReaderGetsNothingBeyondItsRequests() {
    Seeds.run(
        50,
        random -> {
          ReadAhead readAhead = new ReadAhead(SIZE, MAX, 16);
          for (int i = 0; i < 100; i++) {
            // Far enough apart not to be taken for a stream.
            long offset = ((i * 37L) % 101) * 40 * MIB + random.nextInt((int) MIB);
            long end = readAhead.aheadEnd(offset, 4096, false);
            assertEquals(Math.min(SIZE, offset + 4096), end);
          }
        });
  }

  @Test
  void aLongRequestDoesNotReadBeyondItself() {
    ReadAhead readAhead = new ReadAhead(SIZE, MAX, 16);
    long requestEnd = 100 * MIB;
    for (long offset = 0; offset < requestEnd; offset += MIB) {
      assertTrue(readAhead.aheadEnd(offset, requestEnd - offset, false) <= requestEnd);
    }
  }

  @Test
  void requestsThatFollowOneAnotherBecomeAStream() {
    ReadAhead readAhead = new ReadAhead(SIZE, MAX, 16);
    long widest = 0;
    for (long offset = 0; offset < 512 * MIB; offset += 4 * MIB) {
      widest = Math.max(widest, readAhead.aheadEnd(offset, 4 * MIB, false) - offset);
    }
    assertEquals(MAX, widest);
  }

  @Test
  void interleavedStreamsAreToldApart() {
    int streams = 8;
    ReadAhead readAhead = new ReadAhead(SIZE, MAX, 16);
    long[] widest = new long[streams];
    for (long step = 0; step < 256 * 4; step++) {
      for (int stream = 0; stream < streams; stream++) {
        long offset = stream * 512 * MIB + step * MIB / 4;
        long end = readAhead.aheadEnd(offset, MIB / 4, true);
        widest[stream] = Math.max(widest[stream], end - offset);
      }
    }
    for (long each : widest) {
      assertTrue(each >= MAX / 2, "window " + each);
    }
  }

  @Test
  void alwaysCoversTheNextByteAndNeverLeavesTheBlob() {
    Seeds.run(300, ReadAheadTest::anything);
  }

  private static void anything(Random random) {
    long size = 1 + random.nextLong(SIZE);
    long max = random.nextInt(3) == 0 ? 0 : MIB * (1 + random.nextInt(256));
    ReadAhead readAhead = new ReadAhead(size, max, 1 + random.nextInt(8));
    long offset = 0;
    for (int i = 0; i < 500; i++) {
      offset =
          random.nextInt(3) == 0 ? random.nextLong(size) : Math.min(size - 1, offset + MIB / 3);
      long length = 1 + random.nextLong(random.nextBoolean() ? 4096 : size);
      long end = readAhead.aheadEnd(offset, length, random.nextBoolean());
      assertTrue(end > offset && end <= size, "end " + end + " for " + offset + " of " + size);
      assertTrue(
          end - offset <= Math.max(MIB, 2 * Math.max(max, ReadAhead.FIRST_MAX)), "window too wide");
    }
  }
}
