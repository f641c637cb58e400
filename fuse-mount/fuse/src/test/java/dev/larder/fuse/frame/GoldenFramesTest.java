package dev.larder.fuse.frame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** Frames byte by byte, as they pass between kernel and server. */
class GoldenFramesTest {
  private static final int AT = 8;

  @Test
  void writesReplies() {
    assertGolden(
        "58000000 00000000 0200000000000000",
        ReplyHeader.BYTES,
        m -> ReplyHeader.put(m, AT, 0x58, 0, 2));
    assertGolden(
        "10000000 fbffffff 0807060504030201",
        ReplyHeader.BYTES,
        m -> ReplyHeader.put(m, AT, 16, -5, 0x0102030405060708L));
    assertGolden(
        "0201000001000000 a2000000 07000000",
        OpenReply.BYTES,
        m ->
            OpenReply.put(
                m,
                AT,
                0x100000102L,
                OpenReply.KEEP_CACHE | OpenReply.NO_FLUSH | OpenReply.PASSTHROUGH,
                7));
    assertGolden(
        "0201000003000000 0000000000000000 ffffffffffffff7f ffffffffffffff7f 00000000 00000000"
            + "0201000000000000 0110000000000000 0900000000000000"
            + "0000000000000000 0000000000000000 0000000000000000"
            + "00000000 00000000 00000000 24810000 01000000 00000000 00000000 00000000 00100000"
            + "00000000",
        EntryReply.BYTES,
        m -> {
          EntryReply.put(m, AT, 0x300000102L);
          Attr.put(m, AT + EntryReply.ATTR, 0x102, 4097, Attr.TYPE_FILE | 0444, 1);
        });
    assertGolden("ffffffffffffff7f 00000000 00000000", AttrReply.ATTR, m -> AttrReply.put(m, AT));
    assertGolden(
        "0000000000000000 0000000000000000 0000000000000000 0300000000000000 0000000000000000"
            + "00100000 ff000000 00100000 00000000"
            + "00".repeat(24),
        StatfsReply.BYTES,
        m -> StatfsReply.put(m, AT, 3));
    assertGolden(
        "0500000000000000 0200000000000000 02000000 04000000 6666000000000000",
        Dirent.bytes(2),
        m -> Dirent.putDirectory(m, AT, 5, 2, "ff".getBytes(StandardCharsets.US_ASCII)));
    assertGolden(
        "0201000003000000 0000000000000000 ffffffffffffffff",
        InvalInodeNotice.BYTES,
        m -> InvalInodeNotice.putWhole(m, AT, 0x300000102L));
    assertGolden(
        "0201000003000000 0000000000000000 00200000 00000000",
        StoreNotice.BYTES,
        m -> StoreNotice.putFirst(m, AT, 0x300000102L, 8192));
    assertGolden(
        "ffffffffffffff7f 00000000 00000000"
            + "00".repeat(16)
            + "ff070000 00100000 0000000000000000 01000000 00000000 00000000 2481 0000"
            + "0201000000000000 0100000000000000 0100000000000000"
            + "00".repeat(256 - 56),
        StatxFrames.REPLY_BYTES,
        m -> StatxFrames.put(m, AT, 0x102, 1, Attr.TYPE_FILE | 0444, 1));
    assertGolden(
        "07000000 2d000000 00001000 01000040 80006000 00100000 01000000 0001 0000"
            + "20000000 01000000"
            + "00".repeat(24),
        InitReply.BYTES,
        m -> {
          InitReply.begin(m, AT, 7, 45);
          InitReply.flags(m, AT, InitFlags.ASYNC_READ | InitFlags.INIT_EXT | InitFlags.PASSTHROUGH);
          InitReply.sizes(m, AT, 1 << 20, 4096);
          InitReply.background(m, AT, 128, 96);
          InitReply.timeGranularity(m, AT, 1);
          InitReply.maxPages(m, AT, 256);
          InitReply.maxStackDepth(m, AT, 1);
        });
    assertGolden("4400000000000000", LseekFrames.REPLY_BYTES, m -> LseekFrames.reply(m, AT, 0x44));
  }

  @Test
  void readsRequests() {
    MemorySegment read =
        frame(
            "50000000 0f000000 0400000000000000 0201000003000000 e8030000 e8030000 d2040000 00000000"
                + "0201000000000001 0000100000000000 00000200 00000000"
                + "0000000000000000 00800000 00000000");
    assertEquals(80, RequestHeader.len(read, AT));
    assertEquals(Opcode.READ, RequestHeader.opcode(read, AT));
    assertEquals(4, RequestHeader.unique(read, AT));
    assertEquals(0x300000102L, RequestHeader.nodeId(read, AT));
    assertEquals(1234, RequestHeader.pid(read, AT));
    long body = AT + RequestHeader.BYTES;
    assertEquals(0x0100000000000102L, ReadRequest.handle(read, body));
    assertEquals(1 << 20, ReadRequest.offset(read, body));
    assertEquals(128 << 10, ReadRequest.size(read, body));

    MemorySegment forgets =
        frame(
            "02000000 00000000 05000000 00000000 0100000000000000 0600000001000000 0700000000000000");
    assertEquals(2, ForgetRequest.batchCount(forgets, AT));
    assertEquals(5, ForgetRequest.batchNodeId(forgets, AT, 0));
    assertEquals(1, ForgetRequest.batchLookups(forgets, AT, 0));
    assertEquals(0x100000006L, ForgetRequest.batchNodeId(forgets, AT, 1));
    assertEquals(7, ForgetRequest.batchLookups(forgets, AT, 1));

    MemorySegment init = frame("07000000 2d000000 00000200 01000040 20000000" + "00".repeat(44));
    assertEquals(7, InitRequest.major(init, AT));
    assertEquals(45, InitRequest.minor(init, AT));
    assertEquals(128 << 10, InitRequest.maxReadahead(init, AT));
    long low = InitFlags.ASYNC_READ | InitFlags.INIT_EXT;
    assertEquals(low | InitFlags.PASSTHROUGH, InitRequest.flags(init, AT, true));
    assertEquals(low, InitRequest.flags(init, AT, false));

    assertFalse(OpenRequest.isWrite(0100000));
    assertTrue(OpenRequest.isWrite(1));
    assertTrue(OpenRequest.isWrite(2));
    assertTrue(OpenRequest.isWrite(01000));
  }

  @Test
  void upperFlagsAreVoidWithoutInitExt() {
    MemorySegment init = frame("07000000 1f000000 00000200 01000000 ffffffff" + "00".repeat(44));
    assertEquals(InitFlags.ASYNC_READ, InitRequest.flags(init, AT, true));
  }

  private interface Writer {
    void write(MemorySegment memory);
  }

  private static void assertGolden(String hex, int bytes, Writer writer) {
    byte[] expected = HexFormat.of().parseHex(hex.replace(" ", ""));
    assertEquals(expected.length, bytes);
    byte[] dirty = new byte[AT + bytes + 8];
    Arrays.fill(dirty, (byte) 0xee);
    writer.write(MemorySegment.ofArray(dirty));
    assertEquals(
        HexFormat.of().formatHex(expected),
        HexFormat.of().formatHex(Arrays.copyOfRange(dirty, AT, AT + bytes)));
    for (int i = 0; i < 8; i++) {
      assertEquals((byte) 0xee, dirty[i]);
      assertEquals((byte) 0xee, dirty[AT + bytes + i], "writes past its end");
    }
  }

  private static MemorySegment frame(String hex) {
    byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
    MemorySegment memory = MemorySegment.ofArray(new byte[AT + bytes.length]);
    MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, AT, bytes.length);
    return memory;
  }
}
