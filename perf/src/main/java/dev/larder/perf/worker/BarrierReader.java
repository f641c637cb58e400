package dev.larder.perf.worker;

import dev.larder.perf.http.RawHttp;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;

/**
 * Reads a file through an agent's front door at a moment that others know too: {@code READY_FILE
 * TARGET GO_FILE}. Prints {@code ready}, waits until the last file names a moment (milliseconds
 * since 1970), reads then and prints {@code read STARTED_MILLIS SECONDS BYTES CRC32C}.
 */
public final class BarrierReader {
  private static final long WAIT_NANOS_MAX = 120_000_000_000L;

  private BarrierReader() {}

  public static void main(String[] arguments) throws IOException {
    String ready = Files.readString(Path.of(arguments[0]));
    String[] address = field(ready, "address").split(":", -1);
    String token = Files.readString(Path.of(field(ready, "tokenFile"))).strip();
    try (RawHttp http =
        RawHttp.connect(new InetSocketAddress(address[0], Integer.parseInt(address[1])))) {
      System.out.println("ready");
      long moment = moment(Path.of(arguments[2]));
      while (System.currentTimeMillis() < moment) {
        LockSupport.parkNanos(200_000);
      }
      long started = System.currentTimeMillis();
      CRC32C crc = new CRC32C();
      RawHttp.Transfer read =
          http.get(
              arguments[1],
              Map.of("Authorization", "Bearer " + token, "Larder-Intent", "whole"),
              crc::update);
      System.out.println(
          "read " + started + " " + read.nanos() / 1e9 + " " + read.bytes() + " " + crc.getValue());
    }
  }

  private static long moment(Path file) throws IOException {
    long deadline = System.nanoTime() + WAIT_NANOS_MAX;
    while (!Files.exists(file)) {
      if (System.nanoTime() > deadline) {
        throw new IOException("nobody said when to begin");
      }
      LockSupport.parkNanos(2_000_000);
    }
    return Long.parseLong(Files.readString(file).strip());
  }

  private static String field(String json, String name) throws IOException {
    Matcher matcher = Pattern.compile("\"" + name + "\"\\s*:\\s*\"([^\"]+)\"").matcher(json);
    if (!matcher.find()) {
      throw new IOException("the ready file has no " + name);
    }
    return matcher.group(1);
  }
}
