package dev.larder.agent.peer;

import dev.larder.agent.fill.Members.SealedDigests;
import dev.larder.agent.peer.Messages.Ask;
import dev.larder.agent.peer.Messages.AskAnswer;
import dev.larder.agent.peer.Messages.Report;
import dev.larder.agent.peer.Messages.ReportAnswer;
import dev.larder.agent.peer.Messages.Sender;
import dev.larder.agent.peer.Messages.Wanted;
import dev.larder.agent.tracker.Assignment;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.agent.tracker.StripeReport.Standing;
import dev.larder.agent.tracker.TrackerDesk;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Bytes of {@link Messages}, version 2: integers big-endian, texts as a length of two bytes and
 * UTF-8, lists as a count of four bytes. Whatever is not exactly that is BAD_REQUEST.
 */
final class Wire {
  private static final int VERSION = 2;
  private static final int TEXT_MAX = 512;

  /** Stripes in one message: with their digests 512 of them are within {@code peer.body-max}. */
  static final int STRIPES_MAX = 4096;

  private static final int MEMBERS_MAX = 100_000;

  private Wire() {}

  /** Writes what fits into memory; nothing here fails. */
  private interface Body {
    void write(DataOutputStream out) throws IOException;
  }

  private interface Parser<T> {
    T read(DataInputStream in) throws IOException;
  }

  static byte[] write(Ask ask) {
    return bytes(out -> {
      write(out, ask.sender());
      write(out, ask.avoid());
      out.writeInt(ask.wanted().size());
      for (Wanted wanted : ask.wanted()) {
        write(out, wanted.stripe());
        write(out, wanted.lost());
        out.writeLong(wanted.known());
      }
      if (!ask.slow().isEmpty()) {
        write(out, ask.slow());
      }
    });
  }

  static Ask readAsk(byte[] bytes) {
    return parse(
        bytes,
        in -> {
          Sender sender = readSender(in);
          Set<String> avoid = readMembers(in);
          List<Wanted> wanted = new ArrayList<>();
          for (int left = count(in, STRIPES_MAX); left > 0; left--) {
            wanted.add(new Wanted(readStripe(in), text(in), in.readLong()));
          }
          Set<String> slow = in.available() == 0 ? Set.of() : readMembers(in);
          return new Ask(sender, avoid, wanted, slow);
        });
  }

  private static void write(DataOutputStream out, Set<String> members) throws IOException {
    out.writeInt(members.size());
    for (String member : members) {
      write(out, member);
    }
  }

  private static Set<String> readMembers(DataInputStream in) throws IOException {
    Set<String> members = new HashSet<>();
    for (int left = count(in, MEMBERS_MAX); left > 0; left--) {
      members.add(text(in));
    }
    return members;
  }

  static byte[] write(AskAnswer answer) {
    return bytes(out -> {
      out.writeLong(answer.epoch());
      out.writeInt(answer.answers().size());
      for (Optional<TrackerDesk.Answer> each : answer.answers()) {
        write(out, each);
      }
    });
  }

  static AskAnswer readAskAnswer(byte[] bytes) {
    return parse(
        bytes,
        in -> {
          long epoch = in.readLong();
          List<Optional<TrackerDesk.Answer>> answers = new ArrayList<>();
          for (int left = count(in, STRIPES_MAX); left > 0; left--) {
            answers.add(readAnswer(in));
          }
          return new AskAnswer(epoch, answers);
        });
  }

  static byte[] write(Report report) {
    return bytes(out -> {
      write(out, report.sender());
      out.writeInt(report.waitMillis());
      out.writeInt(report.reports().size());
      for (StripeReport each : report.reports()) {
        write(out, each.stripe());
        out.writeByte(each.kind().ordinal());
        out.writeLong(each.lease());
        out.writeLong(each.known());
        write(out, each.told());
      }
    });
  }

  static Report readReport(byte[] bytes) {
    return parse(
        bytes,
        in -> {
          Sender sender = readSender(in);
          int wait = in.readInt();
          List<StripeReport> reports = new ArrayList<>();
          for (int left = count(in, STRIPES_MAX); left > 0; left--) {
            StripeId stripe = readStripe(in);
            int kind = in.readUnsignedByte();
            StripeReport.Kind[] kinds = StripeReport.Kind.values();
            if (kind >= kinds.length) {
              throw bad("unknown kind of report " + kind);
            }
            reports.add(
                new StripeReport(
                    stripe, kinds[kind], in.readLong(), in.readLong(), readDigests(in)));
          }
          return new Report(sender, wait, reports);
        });
  }

  static byte[] write(ReportAnswer answer) {
    return bytes(out -> {
      out.writeLong(answer.epoch());
      out.writeInt(answer.standings().size());
      for (Standing each : answer.standings()) {
        boolean hasTeller = !each.teller().isEmpty();
        out.writeByte((each.stands() ? 1 : 0) | (each.isLive() ? 2 : 0) | (hasTeller ? 4 : 0));
        write(out, each.news());
        if (hasTeller) {
          write(out, each.teller());
        }
      }
    });
  }

  static ReportAnswer readReportAnswer(byte[] bytes) {
    return parse(
        bytes,
        in -> {
          long epoch = in.readLong();
          List<Standing> standings = new ArrayList<>();
          for (int left = count(in, STRIPES_MAX); left > 0; left--) {
            int bits = in.readUnsignedByte();
            BlockDigests news = readDigests(in);
            String teller = (bits & 4) != 0 ? text(in) : "";
            standings.add(new Standing((bits & 1) != 0, (bits & 2) != 0, news, teller));
          }
          return new ReportAnswer(epoch, standings);
        });
  }

  static byte[] write(SealedDigests digests) {
    return bytes(out -> {
      writeAll(out, digests.blocks());
      writeAll(out, digests.stripes());
    });
  }

  /** Longest answer of a member that has so many stripes. */
  static int sealedDigestsBytes(int stripeCount) {
    return (int)
        Math.min(
            Integer.MAX_VALUE, 16 + (Blocks.STRIPE_BLOCKS + (long) stripeCount) * Digest.BYTES);
  }

  static SealedDigests readSealedDigests(byte[] bytes) {
    return parse(
        bytes,
        in -> new SealedDigests(readAll(in, Blocks.STRIPE_BLOCKS), readAll(in, Integer.MAX_VALUE)));
  }

  private static void write(DataOutputStream out, Sender sender) throws IOException {
    write(out, sender.member());
    write(out, sender.zone());
    out.writeLong(sender.epoch());
  }

  private static Sender readSender(DataInputStream in) throws IOException {
    return new Sender(text(in), text(in), in.readLong());
  }

  private static void write(DataOutputStream out, Optional<TrackerDesk.Answer> answer)
      throws IOException {
    if (answer.isEmpty()) {
      out.writeByte(0);
      return;
    }
    switch (answer.get().assignment()) {
      case Assignment.Lease granted -> {
        out.writeByte(1);
        out.writeLong(granted.lease());
      }
      case Assignment.Parent parent -> {
        out.writeByte(2);
        write(out, parent.member());
      }
      case Assignment.Untracked none -> out.writeByte(3);
    }
    out.writeByte(answer.get().isLive() ? 1 : 0);
    write(out, answer.get().news());
  }

  private static Optional<TrackerDesk.Answer> readAnswer(DataInputStream in) throws IOException {
    int kind = in.readUnsignedByte();
    if (kind == 0) {
      return Optional.empty();
    }
    Assignment assignment =
        switch (kind) {
          case 1 -> new Assignment.Lease(in.readLong());
          case 2 -> new Assignment.Parent(text(in));
          case 3 -> new Assignment.Untracked();
          default -> throw bad("unknown kind of answer " + kind);
        };
    return Optional.of(
        new TrackerDesk.Answer(assignment, in.readUnsignedByte() != 0, readDigests(in)));
  }

  private static void write(DataOutputStream out, StripeId stripe) throws IOException {
    out.write(stripe.key().binary());
    out.writeInt(stripe.stripe());
  }

  private static StripeId readStripe(DataInputStream in) throws IOException {
    byte[] key = new byte[BlobKey.BINARY_BYTES];
    in.readFully(key);
    int stripe = in.readInt();
    if (stripe < 0) {
      throw bad("stripe " + stripe);
    }
    return new StripeId(BlobKey.ofBinary(key), stripe);
  }

  private static void write(DataOutputStream out, BlockDigests digests) throws IOException {
    out.writeLong(digests.mask());
    for (int place = 0; place < Blocks.STRIPE_BLOCKS; place++) {
      Digest digest = digests.get(place);
      if (digest != null) {
        out.write(digest.bytes());
      }
    }
  }

  private static BlockDigests readDigests(DataInputStream in) throws IOException {
    long mask = in.readLong();
    if (mask == 0) {
      return BlockDigests.NONE;
    }
    List<Optional<Digest>> blocks = new ArrayList<>(Blocks.STRIPE_BLOCKS);
    for (int place = 0; place < Long.SIZE - Long.numberOfLeadingZeros(mask); place++) {
      boolean isSet = (mask >>> place & 1) != 0;
      blocks.add(isSet ? Optional.of(readDigest(in)) : Optional.empty());
    }
    return BlockDigests.ofPresent(blocks);
  }

  private static void writeAll(DataOutputStream out, List<Digest> digests) throws IOException {
    out.writeInt(digests.size());
    for (Digest digest : digests) {
      out.write(digest.bytes());
    }
  }

  private static List<Digest> readAll(DataInputStream in, int max) throws IOException {
    // Never more than the bytes that are there, whatever the count says.
    int size = count(in, Math.min(max, in.available() / Digest.BYTES));
    List<Digest> digests = new ArrayList<>(size);
    for (int left = size; left > 0; left--) {
      digests.add(readDigest(in));
    }
    return digests;
  }

  private static Digest readDigest(DataInputStream in) throws IOException {
    byte[] bytes = new byte[Digest.BYTES];
    in.readFully(bytes);
    return Digest.read(ByteBuffer.wrap(bytes));
  }

  private static void write(DataOutputStream out, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (bytes.length > TEXT_MAX) {
      throw new LarderException(ErrorCode.INTERNAL, "too long for a message: " + text);
    }
    out.writeShort(bytes.length);
    out.write(bytes);
  }

  private static String text(DataInputStream in) throws IOException {
    int length = in.readUnsignedShort();
    if (length > TEXT_MAX) {
      throw bad("a text of " + length + " bytes");
    }
    byte[] bytes = new byte[length];
    in.readFully(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static int count(DataInputStream in, int max) throws IOException {
    int count = in.readInt();
    if (count < 0 || count > max) {
      throw bad("a list of " + count);
    }
    return count;
  }

  private static byte[] bytes(Body body) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
    try {
      DataOutputStream out = new DataOutputStream(bytes);
      out.writeByte(VERSION);
      body.write(out);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.INTERNAL, "memory refuses bytes", e);
    }
    return bytes.toByteArray();
  }

  private static <T> T parse(byte[] bytes, Parser<T> parser) {
    try {
      DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
      int version = in.readUnsignedByte();
      if (version != VERSION) {
        throw bad("version " + version);
      }
      T message = parser.read(in);
      if (in.available() > 0) {
        throw bad("bytes behind its end");
      }
      return message;
    } catch (IOException e) {
      throw new LarderException(ErrorCode.BAD_REQUEST, "a peer's message is cut off", e);
    }
  }

  private static LarderException bad(String what) {
    return new LarderException(ErrorCode.BAD_REQUEST, "a peer's message has " + what);
  }
}
