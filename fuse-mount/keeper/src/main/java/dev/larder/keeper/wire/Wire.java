package dev.larder.keeper.wire;

import dev.larder.keeper.wire.Request.Anchor;
import dev.larder.keeper.wire.Request.BackingClose;
import dev.larder.keeper.wire.Request.BackingOpen;
import dev.larder.keeper.wire.Request.Bind;
import dev.larder.keeper.wire.Request.BindPart;
import dev.larder.keeper.wire.Request.Catalog;
import dev.larder.keeper.wire.Request.DetachDead;
import dev.larder.keeper.wire.Request.DetachId;
import dev.larder.keeper.wire.Request.DetachTarget;
import dev.larder.keeper.wire.Request.End;
import dev.larder.keeper.wire.Request.Hello;
import dev.larder.keeper.wire.Request.Invalidate;
import dev.larder.keeper.wire.Request.ListMounts;
import dev.larder.keeper.wire.Request.Overlay;
import dev.larder.keeper.wire.Request.Remount;
import dev.larder.keeper.wire.Request.Restore;
import dev.larder.keeper.wire.Request.Switch;
import dev.larder.keeper.wire.Request.TakeOver;

/**
 * The protocol, version 1. A message is a header (u16 type, u16 version, u32 request id) and
 * fields, all little endian; an answer has the id of its request, then an i32 errno, then a text if
 * that is not 0, else fields.
 */
public final class Wire {
  /** Version in every header; another one is refused. */
  public static final int VERSION = 1;

  /** Longest message in bytes. */
  public static final int MESSAGE_MAX = 8192;

  static final int HEADER_BYTES = 8;

  private static final int HELLO = 1;
  private static final int CATALOG = 2;
  private static final int OVERLAY = 3;
  private static final int BIND = 4;
  private static final int SWITCH = 5;
  private static final int REMOUNT = 6;
  private static final int DETACH_TARGET = 7;
  private static final int DETACH_ID = 8;
  private static final int BACKING_OPEN = 9;
  private static final int BACKING_CLOSE = 10;
  private static final int LIST = 11;
  private static final int RESTORE = 12;
  private static final int TAKE_OVER = 13;
  private static final int END = 14;
  private static final int INVALIDATE = 15;
  private static final int BIND_PART = 16;
  private static final int ANCHOR = 17;
  private static final int DETACH_DEAD = 18;

  private Wire() {}

  /**
   * A request with the number its answer will have.
   *
   * @param id chosen by who asks
   */
  public record Numbered(int id, Request request) {}

  /** Whether a text can be the id of a mount. */
  public static boolean isMountId(String text) {
    return text.length() == 32
        && text.chars().allMatch(c -> (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
  }

  /**
   * Encodes a request.
   *
   * @throws java.nio.BufferOverflowException when it is longer than a message may be
   */
  public static byte[] encode(int id, Request request) {
    return switch (request) {
      case Hello(Role role, long pid, int layout) ->
          new Writer(HELLO, id).u8(role.code()).i64(pid).i32(layout).bytes();
      case Catalog(String mount) -> new Writer(CATALOG, id).text(mount).bytes();
      case Overlay(String mount, String label, boolean noExec) ->
          new Writer(OVERLAY, id).text(mount).text(label).flag(noExec).bytes();
      case Bind(String mount, String target) ->
          new Writer(BIND, id).text(mount).text(target).bytes();
      case BindPart(String mount, String target, String part) ->
          new Writer(BIND_PART, id).text(mount).text(target).text(part).bytes();
      case Anchor(String target) -> new Writer(ANCHOR, id).text(target).bytes();
      case DetachDead(String target) -> new Writer(DETACH_DEAD, id).text(target).bytes();
      case Switch(String target, String from, String to) ->
          new Writer(SWITCH, id).text(target).text(from).text(to).bytes();
      case Remount(String mount) -> new Writer(REMOUNT, id).text(mount).bytes();
      case DetachTarget(String target, boolean lazy, boolean force) ->
          new Writer(DETACH_TARGET, id).text(target).flag(lazy).flag(force).bytes();
      case DetachId(String mount, boolean lazy, boolean force) ->
          new Writer(DETACH_ID, id).text(mount).flag(lazy).flag(force).bytes();
      case BackingOpen() -> new Writer(BACKING_OPEN, id).bytes();
      case BackingClose(int backing) -> new Writer(BACKING_CLOSE, id).i32(backing).bytes();
      case ListMounts(int from) -> new Writer(LIST, id).i32(from).bytes();
      case Restore() -> new Writer(RESTORE, id).bytes();
      case TakeOver() -> new Writer(TAKE_OVER, id).bytes();
      case Invalidate(long nodeId) -> new Writer(INVALIDATE, id).i64(nodeId).bytes();
      case End() -> new Writer(END, id).bytes();
    };
  }

  /** Decodes a request; all of the message has to be one. */
  public static Numbered decode(byte[] message) throws ProtocolException {
    Reader in = new Reader(message);
    Request request =
        switch (in.type()) {
          case HELLO -> new Hello(role(in), in.i64(), in.i32());
          case CATALOG -> new Catalog(in.mountId());
          case OVERLAY -> new Overlay(in.mountId(), in.text(), in.flag());
          case BIND -> new Bind(in.mountId(), in.text());
          case BIND_PART -> new BindPart(in.mountId(), in.text(), in.text());
          case ANCHOR -> new Anchor(in.text());
          case DETACH_DEAD -> new DetachDead(in.text());
          case SWITCH -> new Switch(in.text(), in.mountId(), in.mountId());
          case REMOUNT -> new Remount(in.mountId());
          case DETACH_TARGET -> new DetachTarget(in.text(), in.flag(), in.flag());
          case DETACH_ID -> new DetachId(in.mountId(), in.flag(), in.flag());
          case BACKING_OPEN -> new BackingOpen();
          case BACKING_CLOSE -> new BackingClose(in.i32());
          case LIST -> new ListMounts(in.i32());
          case RESTORE -> new Restore();
          case TAKE_OVER -> new TakeOver();
          case INVALIDATE -> new Invalidate(in.i64());
          case END -> new End();
          default -> throw in.fault("request " + in.type() + " is not known");
        };
    in.end();
    return new Numbered(in.id(), request);
  }

  private static Role role(Reader in) throws ProtocolException {
    int code = in.u8();
    for (Role role : Role.values()) {
      if (role.code() == code) {
        return role;
      }
    }
    throw in.fault("role " + code + " is not known");
  }
}
