package dev.larder.coordinator;

import dev.larder.coordinator.api.TlsFiles;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;

/** One coordinator of a group in a process of its own, until it is killed. */
public final class GroupChild {
  private GroupChild() {}

  /** Arguments: directory, certificates, id, door, then {@code id=host:port} of all. */
  public static void main(String[] args) throws IOException, InterruptedException {
    SortedMap<String, String> peers = new TreeMap<>();
    for (int i = 4; i < args.length; i++) {
      String[] pair = args[i].split("=");
      peers.put(pair[0], pair[1]);
    }
    Path certificates = Path.of(args[1]);
    try (OutputStream out = new FileOutputStream(FileDescriptor.out);
        CoordinatorServer server =
            CoordinatorServer.start(
                new CoordinatorConfig(
                    Path.of(args[0]),
                    args[2],
                    args[3],
                    peers.get(args[2]),
                    "",
                    peers,
                    false,
                    TlsFiles.read(
                        certificates.resolve("coordinator.key"),
                        certificates.resolve("coordinator.pem"),
                        certificates.resolve("ca.pem")),
                    TestCoordinator.limits(50, 5_000, 1_000_000, Duration.ofMinutes(5))))) {
      out.write(("ready " + server.address() + "\n").getBytes(StandardCharsets.US_ASCII));
      out.flush();
      new CountDownLatch(1).await();
    }
  }
}
