package dev.larder.dist;

import static dev.larder.dist.WarmCluster.DATA;

import dev.larder.agent.NodeServices;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.BlobRead.FileSpan;
import dev.larder.agent.read.BlobRead.MemorySpan;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One reader a node that goes through all files again and again and compares every byte. A fault or
 * a wrong byte ends them all and fails whoever waits or closes. Cold ones drop each file from their
 * node's store once it was read, so that every round brings all bytes in again.
 */
final class ClusterReaders implements AutoCloseable {
  private final Map<String, byte[]> files;
  private final WarmCluster cluster;
  private final List<Thread> threads = new ArrayList<>();
  private final Map<String, Long> rounds = new ConcurrentHashMap<>();
  private final AtomicReference<@Nullable Throwable> fault = new AtomicReference<>();
  private final boolean isCold;
  private volatile boolean isClosing;

  ClusterReaders(Map<String, byte[]> files, WarmCluster cluster, List<String> nodes) {
    this(files, cluster, nodes, false);
  }

  static ClusterReaders cold(Map<String, byte[]> files, WarmCluster cluster, List<String> nodes) {
    return new ClusterReaders(files, cluster, nodes, true);
  }

  private ClusterReaders(
      Map<String, byte[]> files, WarmCluster cluster, List<String> nodes, boolean isCold) {
    this.files = files;
    this.cluster = cluster;
    this.isCold = isCold;
    nodes.forEach(this::alsoAt);
  }

  /** Begins at one more node. */
  void alsoAt(String node) {
    rounds.put(node, 0L);
    NodeServices services = cluster.node(node);
    threads.add(Thread.ofPlatform().name("reader-" + node).start(() -> run(node, services)));
  }

  /** Waits until every reader has gone through all files so many times more. */
  void awaitRounds(int count) {
    Map<String, Long> before = Map.copyOf(rounds);
    WarmCluster.await(
        count + " rounds of all readers",
        () -> {
          check();
          // One more, as the present round began before.
          return before.entrySet().stream()
              .allMatch(each -> rounds.get(each.getKey()) > each.getValue() + count);
        });
  }

  private void run(String node, NodeServices services) {
    try {
      while (!isClosing && fault.get() == null) {
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
          compare(node, services, file.getKey(), file.getValue());
        }
        rounds.merge(node, 1L, Long::sum);
      }
    } catch (RuntimeException | IOException | Error e) {
      fault.compareAndSet(null, new AssertionError("reader at " + node, e));
    }
  }

  private void compare(String node, NodeServices services, String path, byte[] expected)
      throws IOException {
    Entry entry = services.datasetsOfNode().stat(DATA, path);
    try (BlobRead read =
        services
            .plane()
            .open(services.datasetsOfNode().source(DATA, entry), ReadIntent.SEQUENTIAL)) {
      int at = 0;
      while (at < expected.length) {
        BlobRead.Span span = read.next(at, expected.length - at);
        ByteBuffer bytes = bytes(span);
        int wrong = bytes.mismatch(ByteBuffer.wrap(expected, at, bytes.remaining()));
        if (wrong >= 0) {
          throw new AssertionError(
              "wrong byte " + (at + wrong) + " of " + path + " at " + node + " from " + span);
        }
        at += bytes.remaining();
      }
    }
    if (isCold) {
      services.store().delete(entry.key().orElseThrow());
    }
  }

  private static ByteBuffer bytes(BlobRead.Span span) throws IOException {
    if (span instanceof MemorySpan memory) {
      return memory.bytes().duplicate();
    }
    FileSpan file = (FileSpan) span;
    ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(file.length(), 1 << 20));
    while (buffer.hasRemaining()
        && file.channel().read(buffer, file.position() + buffer.position()) > 0) {
      // Until it is full.
      continue;
    }
    return buffer.flip();
  }

  private void check() {
    Throwable found = fault.get();
    if (found != null) {
      throw new AssertionError("a reader failed", found);
    }
  }

  @Override
  public void close() throws InterruptedException {
    isClosing = true;
    for (Thread each : threads) {
      each.join();
    }
    check();
  }
}
