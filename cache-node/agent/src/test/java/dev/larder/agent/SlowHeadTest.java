package dev.larder.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.agent.read.ReadRig;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore;
import dev.larder.testkit.S3Server;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;

/** A real S3 server with a flipped byte, whose answers to HEAD come after the data. */
class SlowHeadTest {
  private static final SnapshotRef DATA = SnapshotRef.parse("data");
  private static final int SIZE = 24 << 20;
  private static final Duration DELAY = Duration.ofSeconds(4);

  @TempDir Path root;

  @Test
  void aFlippedByteNeverEndsWellThoughTheChecksumComesLate() throws Exception {
    try (S3Server server = S3Server.start(root.resolve("s3"));
        SlowHeads slow = new SlowHeads(server.endpoint())) {
      byte[] content = new byte[SIZE];
      new Random(29).nextBytes(content);
      Path object = server.createBucket("bucket").resolve("large.bin");
      put(server, content);
      flip(object, SIZE / 2);
      content[SIZE / 2] ^= 1;
      try (NodeServices node = start()) {
        node.datasetsOfNode()
            .create(new DatasetName("data"), "s3://bucket", options(slow.endpoint()), any -> {});
        Entry entry = node.datasetsOfNode().stat(DATA, "large.bin");
        try (BlobRead read =
            node.plane().open(node.datasetsOfNode().source(DATA, entry), ReadIntent.SEQUENTIAL)) {
          LarderException fault =
              assertThrows(LarderException.class, () -> ReadRig.compare(read, content, 0, SIZE));
          assertEquals(ErrorCode.ORIGIN_CORRUPT, fault.code());
        }
        assertTrue(slow.heads.get() > 0, "asked for the checksum");
        assertTrue(
            node.store()
                .find(entry.key().orElseThrow())
                .filter(info -> info.state() == BlobStore.State.SEALED)
                .isEmpty());
      }
    }
  }

  /** Through S3, so that the server publishes its MD5. */
  private static void put(S3Server server, byte[] content) {
    try (S3Client client =
        S3Client.builder()
            .endpointOverride(server.endpoint())
            .forcePathStyle(true)
            .region(Region.US_EAST_1)
            .httpClientBuilder(Apache5HttpClient.builder())
            .credentialsProvider(
                StaticCredentialsProvider.create(
                    AwsBasicCredentials.create(S3Server.ACCESS_KEY, S3Server.SECRET_KEY)))
            .build()) {
      client.putObject(b -> b.bucket("bucket").key("large.bin"), RequestBody.fromBytes(content));
    }
  }

  private static void flip(Path file, long offset) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer one = ByteBuffer.allocate(1);
      channel.read(one, offset);
      channel.write(ByteBuffer.wrap(new byte[] {(byte) (one.get(0) ^ 1)}), offset);
    }
  }

  private NodeServices start() {
    NodeServices node =
        new NodeServices(
            AgentConfig.defaults(root.resolve("data")),
            new FakeCoordinator(),
            new AgentMetrics("test"),
            "test");
    node.start();
    return node;
  }

  private OriginOptions options(URI endpoint) throws IOException {
    Path keys = root.resolve("keys");
    Files.writeString(keys, S3Server.ACCESS_KEY + ":" + S3Server.SECRET_KEY);
    return new OriginOptions(
        Map.of(
            "endpoint",
            endpoint.toString(),
            "region",
            "us-east-1",
            "path-style",
            "true",
            "check-md5",
            "true",
            "credentials",
            "file:" + keys));
  }

  /** Passes bytes on both ways, but holds each HEAD back for a while. */
  private static final class SlowHeads implements AutoCloseable {
    private final AtomicInteger heads = new AtomicInteger();
    private final ServerSocket door = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final URI to;
    private final Queue<Socket> sockets = new ConcurrentLinkedQueue<>();

    SlowHeads(URI to) throws IOException {
      this.to = to;
      Thread.ofVirtual().start(this::accept);
    }

    URI endpoint() {
      return URI.create("http://127.0.0.1:" + door.getLocalPort());
    }

    @Override
    public void close() throws IOException {
      door.close();
      for (Socket socket : sockets) {
        socket.close();
      }
    }

    private void accept() {
      while (!door.isClosed()) {
        try {
          Socket near = door.accept();
          Socket far = new Socket(to.getHost(), to.getPort());
          sockets.add(near);
          sockets.add(far);
          Thread.ofVirtual().start(() -> pump(near, far));
          Thread.ofVirtual().start(() -> pump(far, near));
        } catch (IOException e) {
          if (!door.isClosed()) {
            throw new UncheckedIOException(e);
          }
        }
      }
    }

    private void pump(Socket from, Socket into) {
      byte[] buffer = new byte[64 << 10];
      try (from;
          into) {
        int count = from.getInputStream().read(buffer);
        while (count >= 0) {
          if (new String(buffer, 0, Math.min(5, count), StandardCharsets.ISO_8859_1)
              .equals("HEAD ")) {
            heads.incrementAndGet();
            hold();
          }
          into.getOutputStream().write(buffer, 0, count);
          count = from.getInputStream().read(buffer);
        }
      } catch (IOException e) {
        // The other way ended first.
      }
    }

    private static void hold() {
      long until = System.nanoTime() + DELAY.toNanos();
      for (long left = DELAY.toNanos(); left > 0; left = until - System.nanoTime()) {
        LockSupport.parkNanos(left);
      }
    }
  }
}
