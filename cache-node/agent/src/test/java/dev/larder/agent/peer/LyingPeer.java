package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;

import dev.larder.agent.fill.Members.SealedDigests;
import dev.larder.coordinator.api.TlsMaterial;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.TrustManager;

/** A member with a good certificate that serves one blob badly. */
final class LyingPeer implements AutoCloseable {
  private static final Pattern RANGE = Pattern.compile("(?i)Range: bytes=(\\d+)-(\\d+)");

  enum Vice {
    /** Sends half a block, then nothing. */
    STALLS,
    /** One bit of each range is wrong. */
    WRONG_BYTES,
    /** Says and sends another range. */
    WRONG_RANGE,
    /** Closes the connection in the middle. */
    CLOSES,
    /** Says that a chunked range ends in the middle. */
    ENDS,
    /** Right bytes, and digests that do not hash to the root. */
    WRONG_DIGESTS,
    /** Sends a byte at a time, for ever on time. */
    TRICKLES,
    /** Its head comes a byte at a time, for ever on time. */
    DRIPS_HEAD,
    /** So does the size of a block of its answer. */
    DRIPS_SIZE,
    /** So do its digests. */
    DRIPS_DIGESTS,
    /** Announces digests that no heap has room for. */
    HUGE_DIGESTS,
    /** Right bytes, a sixteenth of a block at a time, twice a second. */
    SLOW
  }

  final AtomicInteger digestsAsked = new AtomicInteger();
  final AtomicInteger ranges = new AtomicInteger();
  private final byte[] content;
  private final Vice vice;
  private final SealedDigests digests;
  private final ServerSocket server;
  private final CountDownLatch closing = new CountDownLatch(1);

  LyingPeer(byte[] content, Vice vice, SealedDigests digests, TlsMaterial material)
      throws Exception {
    this.content = content;
    this.vice = vice;
    this.digests = digests;
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(new KeyManager[] {material.keys()}, new TrustManager[] {material.trust()}, null);
    this.server =
        context
            .getServerSocketFactory()
            .createServerSocket(0, 50, InetAddress.getLoopbackAddress());
    ((SSLServerSocket) server).setNeedClientAuth(true);
    Thread.ofVirtual().start(this::accept);
  }

  String address() {
    return "127.0.0.1:" + server.getLocalPort();
  }

  private void accept() {
    try {
      while (true) {
        Socket socket = server.accept();
        Thread.ofVirtual().start(() -> serve(socket));
      }
    } catch (IOException e) {
      // Closed: the test is over.
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      BufferedReader in =
          new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
      OutputStream out = socket.getOutputStream();
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        String request = line;
        long first = 0;
        long last = 0;
        for (line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
          Matcher range = RANGE.matcher(line);
          if (range.matches()) {
            first = Long.parseLong(range.group(1));
            last = Long.parseLong(range.group(2));
          }
        }
        if (request.contains("/digests")) {
          digestsAsked.incrementAndGet();
          if (!digests(out)) {
            return;
          }
        } else if (!range(out, (int) first, (int) last + 1)) {
          return;
        }
      }
    } catch (IOException | InterruptedException e) {
      // The reader has left.
    }
  }

  private boolean digests(OutputStream out) throws IOException, InterruptedException {
    if (vice == Vice.HUGE_DIGESTS) {
      head(out, "200 OK\r\nContent-Length: " + (512 << 20));
      out.flush();
      closing.await();
      return false;
    }
    byte[] body = Wire.write(digests);
    if (vice == Vice.DRIPS_DIGESTS) {
      head(out, "200 OK\r\nContent-Length: " + body.length);
      return drip(out, new String(body, StandardCharsets.ISO_8859_1));
    }
    head(out, "200 OK\r\nContent-Length: " + body.length);
    out.write(body);
    out.flush();
    return true;
  }

  /** A byte each tenth of a second, until the reader has left. */
  private boolean drip(OutputStream out, String text) throws IOException, InterruptedException {
    for (byte each : text.getBytes(StandardCharsets.ISO_8859_1)) {
      out.write(each);
      out.flush();
      if (closing.await(100, TimeUnit.MILLISECONDS)) {
        return false;
      }
    }
    return false;
  }

  private boolean range(OutputStream out, int first, int end)
      throws IOException, InterruptedException {
    ranges.incrementAndGet();
    int half = (end - first) / 2;
    String range = "Content-Range: bytes " + first + "-" + (end - 1) + "/" + content.length;
    String whole = "206 Partial Content\r\nContent-Length: " + (end - first) + "\r\n" + range;
    switch (vice) {
      case STALLS -> {
        head(out, whole);
        out.write(content, first, Math.min(MIB / 2, half));
        out.flush();
        closing.await();
        return false;
      }
      case TRICKLES -> {
        head(out, whole);
        for (int at = first; at < end; at++) {
          out.write(content, at, 1);
          out.flush();
          if (closing.await(20, TimeUnit.MILLISECONDS)) {
            return false;
          }
        }
        return true;
      }
      case DRIPS_HEAD -> {
        return drip(out, "HTTP/1.1 206 Partial Content\r\n" + "X: y\r\n".repeat(1000));
      }
      case DRIPS_SIZE -> {
        head(out, "206 Partial Content\r\nTransfer-Encoding: chunked\r\n" + range);
        return drip(out, "0".repeat(3000));
      }
      case SLOW -> {
        head(out, whole);
        for (int at = first; at < end; at += MIB / 16) {
          out.write(content, at, Math.min(MIB / 16, end - at));
          out.flush();
          if (closing.await(500, TimeUnit.MILLISECONDS)) {
            return false;
          }
        }
        return true;
      }
      case WRONG_BYTES -> {
        byte[] wrong = Arrays.copyOfRange(content, first, end);
        wrong[half] ^= 1;
        head(out, whole);
        out.write(wrong);
        out.flush();
        return true;
      }
      case WRONG_RANGE -> {
        int from = first == 0 ? MIB : 0;
        head(
            out,
            "206 Partial Content\r\nContent-Length: "
                + (end - first)
                + "\r\nContent-Range: bytes "
                + from
                + "-"
                + (from + end - first - 1)
                + "/"
                + content.length);
        out.write(content, Math.min(from, half), Math.max(half, end - first - MIB));
        out.flush();
        return false;
      }
      case CLOSES -> {
        head(out, whole);
        out.write(content, first, half);
        out.flush();
        return false;
      }
      case ENDS -> {
        head(out, "206 Partial Content\r\nTransfer-Encoding: chunked\r\n" + range);
        out.write((Integer.toHexString(half) + "\r\n").getBytes(StandardCharsets.US_ASCII));
        out.write(content, first, half);
        out.write("\r\n0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        out.flush();
        return true;
      }
      case WRONG_DIGESTS, DRIPS_DIGESTS, HUGE_DIGESTS -> {
        head(out, whole);
        out.write(content, first, end - first);
        out.flush();
        return true;
      }
    }
    throw new IllegalStateException("no such vice: " + vice);
  }

  private static void head(OutputStream out, String head) throws IOException {
    out.write(("HTTP/1.1 " + head + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
  }

  @Override
  public void close() throws IOException {
    closing.countDown();
    server.close();
  }
}
