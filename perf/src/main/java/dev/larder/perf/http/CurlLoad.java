package dev.larder.perf.http;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** curl as a client that throws bytes away: TLS that costs a client as little as it can. */
public final class CurlLoad {
  private final Path curl;
  private final List<String> options;

  /**
   * A client with TLS 1.3 and a certificate.
   *
   * @param tls directory of {@code agent.pem}, {@code agent.key} and {@code ca.pem}
   */
  public CurlLoad(Path curl, Path tls) {
    this.curl = curl;
    this.options =
        List.of(
            "--cert",
            tls.resolve("agent.pem").toString(),
            "--key",
            tls.resolve("agent.key").toString(),
            "--cacert",
            tls.resolve("ca.pem").toString(),
            "--tlsv1.3",
            "--tls13-ciphers",
            "TLS_AES_128_GCM_SHA256");
  }

  /**
   * Reads a body over a new connection.
   *
   * @return bytes a second, in GB, from the first byte of the body to the last
   * @throws IOException also when another number of bytes came
   */
  public double gigabytesPerSecond(String url, long bytes)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(curl.toString(), "-sS", "--fail"));
    command.addAll(options);
    command.addAll(List.of("-r", "0-" + (bytes - 1), "-o", "/dev/null", "-w"));
    command.addAll(List.of("%{size_download} %{time_starttransfer} %{time_total}", url));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IOException("curl " + url + ": " + text);
    }
    String[] words = text.strip().split(" ", -1);
    if (Long.parseLong(words[0]) != bytes) {
      throw new IOException(url + " gave " + words[0] + " bytes");
    }
    return bytes / 1e9 / (Double.parseDouble(words[2]) - Double.parseDouble(words[1]));
  }
}
