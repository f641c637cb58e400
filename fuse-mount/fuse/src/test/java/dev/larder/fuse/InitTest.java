package dev.larder.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.fuse.Init.Answer;
import dev.larder.fuse.Init.Outcome;
import dev.larder.fuse.Init.Wishes;
import dev.larder.fuse.frame.InitFlags;
import dev.larder.fuse.frame.InitReply;
import dev.larder.fuse.frame.InitRequest;
import dev.larder.fuse.frame.Opcode;
import dev.larder.fuse.frame.ReplyHeader;
import dev.larder.fuse.frame.RequestHeader;
import dev.larder.testkit.Seeds;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class InitTest {
  private static final int EPROTO = 71;
  private static final int EINVAL = 22;
  private static final long ALL = -1L;
  private static final int LONG = RequestHeader.BYTES + InitRequest.BYTES;
  private static final int SHORT = RequestHeader.BYTES + InitRequest.BYTES_OLD;

  private final MemorySegment reply = MemorySegment.ofArray(new byte[256]);

  @Test
  void takesWhatItWantsOfANewKernel() {
    Answer.Done done = done(request(7, 45, 128 << 10, ALL, LONG), new Wishes(true, 256));
    Outcome outcome = done.outcome();
    long expected =
        InitFlags.ASYNC_READ
            | InitFlags.DO_READDIRPLUS
            | InitFlags.READDIRPLUS_AUTO
            | InitFlags.PARALLEL_DIROPS
            | InitFlags.ABORT_ERROR
            | InitFlags.MAX_PAGES
            | InitFlags.EXPLICIT_INVAL_DATA
            | InitFlags.INIT_EXT
            | InitFlags.NO_EXPORT_SUPPORT
            | InitFlags.PASSTHROUGH;
    assertEquals(new Outcome(45, expected, 256, 4096, 128 << 10, 1), outcome);
    assertEquals(80, done.replyBytes());
    assertEquals(0, ReplyHeader.error(reply, 0));
    assertEquals(80, ReplyHeader.len(reply, 0));
    assertEquals(99, ReplyHeader.unique(reply, 0));
    assertEquals(7, replyInt(InitReply.MAJOR));
    assertEquals(45, replyInt(InitReply.MINOR));
    assertEquals(expected, InitReply.flags(reply, ReplyHeader.BYTES));
    assertEquals(4096, replyInt(InitReply.MAX_WRITE));
    assertEquals(128 << 10, replyInt(InitReply.MAX_READAHEAD));
    assertEquals(256, replyInt(InitReply.MAX_PAGES));
    assertEquals(256 | 192 << 16, replyInt(InitReply.MAX_BACKGROUND));
    assertEquals(1, replyInt(InitReply.TIME_GRAN));
    assertEquals(1, replyInt(InitReply.MAX_STACK_DEPTH));
  }

  @Test
  void neverTakesWhatWouldBreakTheRules() {
    long forbidden =
        InitFlags.ASYNC_DIO
            | InitFlags.EXPORT_SUPPORT
            | InitFlags.WRITEBACK_CACHE
            | InitFlags.HANDLE_KILLPRIV
            | InitFlags.AUTO_INVAL_DATA
            | InitFlags.HAS_RESEND
            | InitFlags.REQUEST_TIMEOUT;
    for (int minor = Init.MINOR_MIN; minor <= 50; minor++) {
      for (boolean passthrough : new boolean[] {true, false}) {
        Outcome outcome =
            done(request(7, minor, 1, ALL, LONG), new Wishes(passthrough, 10)).outcome();
        assertEquals(0, outcome.flags() & forbidden, "7." + minor);
        assertEquals(passthrough, outcome.isPassthrough());
        assertEquals(Math.min(minor, 45), outcome.minor());
        assertEquals(outcome.flags(), InitReply.flags(reply, ReplyHeader.BYTES));
      }
    }
  }

  @Test
  void oldKernelsGoWithoutTheUpperHalf() {
    long offered = ALL & ~InitFlags.INIT_EXT;
    for (int bytes : new int[] {SHORT, LONG}) {
      Outcome outcome = done(request(7, 31, 1, offered, bytes), new Wishes(true, 10)).outcome();
      assertEquals(31, outcome.minor());
      assertFalse(outcome.isPassthrough());
      assertEquals(0, outcome.flags() >>> 32);
      assertEquals(0, outcome.maxStackDepth());
      assertEquals(0, replyInt(InitReply.FLAGS2));
      assertEquals(0, replyInt(InitReply.MAX_STACK_DEPTH));
    }
    // The bit alone does not make the short frame longer.
    assertEquals(
        0, done(request(7, 31, 1, ALL, SHORT), new Wishes(true, 10)).outcome().flags() >>> 32);
  }

  @Test
  void askForNothingTheKernelDoesNotOffer() {
    Outcome outcome = done(request(7, 45, 4096, 0, LONG), new Wishes(true, 10)).outcome();
    assertEquals(new Outcome(45, 0, 32, 4096, 4096, 0), outcome);
    assertEquals(128 << 10, outcome.maxReadBytes());
    assertEquals(0, replyInt(InitReply.MAX_PAGES));
    long ext = InitFlags.INIT_EXT | InitFlags.MAX_PAGES;
    Outcome noPassthrough = done(request(7, 38, -1, ext, LONG), new Wishes(true, 10)).outcome();
    assertEquals(new Outcome(38, ext, 256, 4096, 1 << 20, 0), noPassthrough);
  }

  @Test
  void otherMajorVersions() {
    Answer.Again again =
        assertInstanceOf(Answer.Again.class, answer(request(8, 0, 0, 0, LONG), LONG));
    assertEquals(80, again.replyBytes());
    assertEquals(0, ReplyHeader.error(reply, 0));
    assertEquals(7, replyInt(InitReply.MAJOR));
    assertRefused(EPROTO, answer(request(6, 99, 0, 0, LONG), LONG));
    assertRefused(EPROTO, answer(request(7, 30, 0, 0, SHORT), SHORT));
  }

  @Test
  void malformedFrames() {
    MemorySegment init = request(7, 45, 0, ALL, LONG);
    assertEquals(0, assertInstanceOf(Answer.Refused.class, answer(init, 39)).replyBytes());
    assertRefused(EINVAL, answer(init, 40));
    assertRefused(EINVAL, answer(init, 55));
    assertRefused(EINVAL, answer(init, SHORT));
    RequestHeader.put(init, 0, LONG, Opcode.LOOKUP, 99, 1);
    assertRefused(EPROTO, answer(init, LONG));
  }

  @Test
  void survivesAnyBytes() {
    Seeds.run(random -> {
      byte[] bytes = new byte[8192];
      for (int i = 0; i < 20_000; i++) {
        random.nextBytes(bytes);
        MemorySegment frame = MemorySegment.ofArray(bytes);
        int length = random.nextInt(200);
        if (random.nextBoolean()) {
          RequestHeader.put(frame, 0, length, Opcode.INIT, 1, 1);
        }
        if (random.nextBoolean()) {
          bytes[40] = 7;
          bytes[41] = bytes[42] = bytes[43] = 0;
        }
        Answer answer = answer(frame, length);
        assertTrue(answer.replyBytes() <= Init.REPLY_BYTES_MAX);
        if (answer.replyBytes() > 0) {
          assertEquals(answer.replyBytes(), ReplyHeader.len(reply, 0));
        }
      }
    });
  }

  private static MemorySegment request(int major, int minor, int ahead, long flags, int bytes) {
    MemorySegment frame = MemorySegment.ofArray(new byte[256]);
    InitRequest.put(frame, RequestHeader.BYTES, major, minor, ahead, flags);
    RequestHeader.put(frame, 0, bytes, Opcode.INIT, 99, 0);
    return frame;
  }

  private Answer answer(MemorySegment frame, long length) {
    return Init.answer(frame, 0, length, reply, new Wishes(true, 10));
  }

  private Answer.Done done(MemorySegment frame, Wishes wishes) {
    return assertInstanceOf(
        Answer.Done.class, Init.answer(frame, 0, RequestHeader.len(frame, 0), reply, wishes));
  }

  private void assertRefused(int errno, Answer answer) {
    Answer.Refused refused = assertInstanceOf(Answer.Refused.class, answer);
    assertEquals(16, refused.replyBytes());
    assertEquals(-errno, ReplyHeader.error(reply, 0), refused.reason());
  }

  private int replyInt(int offset) {
    return reply.get(ValueLayout.JAVA_INT_UNALIGNED, ReplyHeader.BYTES + offset);
  }
}
