package dev.larder.keeper.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.testkit.Seeds;
import java.nio.BufferOverflowException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WireTest {
  private static final String ID = "0123456789abcdef0123456789abcdef";
  private static final String OTHER = "f".repeat(32);

  private static final List<Request> REQUESTS =
      List.of(
          new Request.Hello(Role.AGENT, 1L << 33, 1),
          new Request.Hello(Role.CLI, 1, 1),
          new Request.Hello(Role.SUCCESSOR, 1, 1),
          new Request.Catalog(ID),
          new Request.Overlay(ID, "larder:set@7", true),
          new Request.Bind(ID, "/a target, \u00e4"),
          new Request.BindPart(ID, "/t", "a/part of \u00e4"),
          new Request.Anchor("/t"),
          new Request.DetachDead("/t"),
          new Request.Switch("/t", ID, OTHER),
          new Request.Remount(ID),
          new Request.DetachTarget("/t", true, false),
          new Request.DetachId(ID, false, true),
          new Request.BackingOpen(),
          new Request.BackingClose(-1),
          new Request.Invalidate(-1),
          new Request.ListMounts(12),
          new Request.Restore(),
          new Request.TakeOver(),
          new Request.End());

  private static final List<Answer> ANSWERS =
      List.of(
          new Answer.Failed(16, "EBUSY: why"),
          new Answer.Done(),
          new Answer.Welcome(77, true),
          new Answer.Backing(3),
          new Answer.Invalidated(true),
          new Answer.Mounts(
              List.of(
                  new MountedView(ID, "larder:s@1", "/t", MountedView.State.MOUNTED),
                  new MountedView(OTHER, "", "/u", MountedView.State.COVERED),
                  new MountedView(OTHER, "", "", MountedView.State.GONE)),
              5),
          new Answer.State(9));

  @Test
  void requestsAndAnswersComeBackAsTheyWere() throws Exception {
    for (Request request : REQUESTS) {
      assertEquals(new Wire.Numbered(42, request), Wire.decode(Wire.encode(42, request)));
    }
    for (Answer answer : ANSWERS) {
      assertEquals(new Answer.Numbered(-1, answer), Answer.decode(Answer.encode(-1, answer)));
    }
    assertEquals(
        Request.class.getPermittedSubclasses().length,
        REQUESTS.stream().map(Object::getClass).distinct().count());
    assertEquals(
        Answer.class.getPermittedSubclasses().length,
        ANSWERS.stream().map(Object::getClass).distinct().count());
  }

  @Test
  void bytesOnTheWireStayAsTheyAre() {
    HexFormat hex = HexFormat.of();
    assertEquals(
        "010001002a00000001" + "0500000000000000" + "01000000",
        hex.formatHex(Wire.encode(42, new Request.Hello(Role.AGENT, 5, 1))));
    assertEquals(
        "070001000100000002002f74" + "0100",
        hex.formatHex(Wire.encode(1, new Request.DetachTarget("/t", true, false))));
    assertEquals(
        "00800100010000001000000001006e",
        hex.formatHex(Answer.encode(1, new Answer.Failed(16, "n"))));
    assertEquals(
        "0280010001000000000000004d00000001",
        hex.formatHex(Answer.encode(1, new Answer.Welcome(77, true))));
  }

  @Test
  void everythingButARequestIsRefused() {
    byte[] good = Wire.encode(42, new Request.Bind(ID, "/t"));
    refused(42, Arrays.copyOf(good, good.length - 1));
    refused(42, Arrays.copyOf(good, good.length + 1));
    refused(0, new byte[0]);
    refused(0, new byte[7]);
    refused(0, new byte[Wire.MESSAGE_MAX + 1]);
    refused(42, changed(good, 0, 99));
    refused(42, changed(good, 2, 2));
    refused(42, changed(good, 8, 33));
    refused(42, changed(good, 10, 'G'));
    refused(42, changed(good, 10, '/'));
    refused(42, changed(good, good.length - 1, 0));
    refused(42, changed(good, good.length - 1, 0xff));
    refused(42, changed(Wire.encode(42, new Request.Hello(Role.CLI, 1, 1)), 8, 9));
    byte[] flag = Wire.encode(42, new Request.DetachId(ID, true, true));
    refused(42, changed(flag, flag.length - 1, 2));
  }

  private static byte[] changed(byte[] message, int at, int value) {
    byte[] copy = message.clone();
    copy[at] = (byte) value;
    return copy;
  }

  private static void refused(int id, byte[] message) {
    ProtocolException refused = assertThrows(ProtocolException.class, () -> Wire.decode(message));
    assertEquals(id, refused.requestId());
  }

  @Test
  void noBytesMakeADecoderFail() {
    Seeds.run(random -> {
      for (int i = 0; i < 100_000; i++) {
        byte[] message = mutated(random);
        try {
          Wire.Numbered numbered = Wire.decode(message);
          assertArrayEquals(message, Wire.encode(numbered.id(), numbered.request()));
        } catch (ProtocolException e) {
          assertTrue(e.getMessage().length() > 3);
        }
        try {
          assertTrue(Answer.decode(message).answer() != null);
        } catch (ProtocolException e) {
          assertTrue(e.getMessage().length() > 3);
        }
      }
    });
  }

  private static byte[] mutated(Random random) {
    if (random.nextInt(4) == 0) {
      byte[] message = new byte[random.nextInt(80)];
      random.nextBytes(message);
      return message;
    }
    byte[] message =
        random.nextBoolean()
            ? Wire.encode(random.nextInt(), REQUESTS.get(random.nextInt(REQUESTS.size())))
            : Answer.encode(random.nextInt(), ANSWERS.get(random.nextInt(ANSWERS.size())));
    for (int i = random.nextInt(4); i > 0; i--) {
      message[random.nextInt(message.length)] = (byte) random.nextInt();
    }
    return random.nextInt(3) == 0
        ? Arrays.copyOf(message, random.nextInt(message.length + 20))
        : message;
  }

  @Test
  void longListsComeInPages() throws Exception {
    List<MountedView> all = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      String target = "/" + "\u00e4".repeat(i % 50) + i;
      all.add(new MountedView(ID, "larder:set@" + i, target, MountedView.State.MOUNTED));
    }
    all.add(500, new MountedView(ID, "l", "x".repeat(4096), MountedView.State.GONE));
    List<MountedView> seen = new ArrayList<>();
    int next = 0;
    do {
      Answer.Mounts page = Answer.page(all, next);
      byte[] message = Answer.encode(1, page);
      assertTrue(message.length <= Wire.MESSAGE_MAX);
      assertEquals(page, Answer.decode(message).answer());
      seen.addAll(page.mounts());
      next = page.next();
    } while (next != 0);
    assertEquals(all, seen);
    assertEquals(new Answer.Mounts(List.of(), 0), Answer.page(all, -5 + 2000));
    assertEquals(0, Answer.page(List.of(), -5).next());
  }

  @Test
  void whatDoesNotFitIsTold() throws Exception {
    String tooLong = "x".repeat(Wire.MESSAGE_MAX);
    assertThrows(
        BufferOverflowException.class, () -> Wire.encode(1, new Request.Bind(ID, tooLong)));
    assertThrows(
        BufferOverflowException.class,
        () -> Wire.encode(1, new Request.Bind(ID, "x".repeat(70_000))));
    // A message for people is cut instead.
    byte[] cut = Answer.encode(1, new Answer.Failed(5, "\u20ac".repeat(20_000)));
    Answer.Failed failed = (Answer.Failed) Answer.decode(cut).answer();
    assertTrue(failed.message().getBytes(StandardCharsets.UTF_8).length > 8000);
  }
}
