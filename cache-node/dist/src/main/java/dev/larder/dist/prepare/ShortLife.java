package dev.larder.dist.prepare;

import dev.larder.client.Control.ControlApi;
import dev.larder.client.Control.MountRequest;
import dev.larder.client.DownloadRequest;
import dev.larder.client.LarderClient;
import dev.larder.client.LarderClient.EntryStream;
import dev.larder.dist.quickstart.FakeKubelet;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** What a node is used for, in a few seconds: every kind of request, from S3 and from files. */
final class ShortLife {
  private static final long JOB_NANOS_MAX = 30_000_000_000L;
  private static final long POLL_NANOS = 20_000_000L;
  private static final int PODS = 20;

  private final LarderClient client;
  private final ControlApi control;
  private final Path work;
  private boolean hasMounts;

  /**
   * A life.
   *
   * @param hasMounts false where it is known that nothing can be mounted
   */
  ShortLife(LarderClient client, Path work, boolean hasMounts) {
    this.client = client;
    this.control = client.control();
    this.work = work;
    this.hasMounts = hasMounts;
  }

  void live(TinyBucket bucket) throws IOException {
    Path files = Files.createDirectories(work.resolve("files/below"));
    Files.write(files.resolve("a.bin"), new byte[3 << 20]);
    Files.writeString(files.resolve("b.txt"), "text\n".repeat(1000));
    use("files", work.resolve("files").toString(), Map.of());
    use("bucket", "s3://bucket/", options(bucket));
    control.pin("bucket", "**");
    control.pins();
    control.unpin("bucket", "**");
    awaitEnd(control.warm("bucket", "**").id());
    control.jobs();
    control.statusJson();
    control.datasets();
    control.delete("files");
  }

  /** What a node of a cluster is used for, with pods on it where there can be mounts. */
  void liveWithPods(TinyBucket bucket, Path kubelet) throws IOException {
    use("bucket", "s3://bucket/", options(bucket));
    try (FakeKubelet pods =
        new FakeKubelet(
            Files.createDirectories(kubelet.resolve("pods")),
            kubelet.resolve("csi.larder.dev-reg.sock"))) {
      Path unused = pods.register();
      for (int pod = 0; pod < PODS; pod++) {
        if (hasMounts) {
          pods.unpublish(pods.publish("pod-" + pod, "data", "bucket"));
        } else {
          refusedPublish(pods, "pod-" + pod);
        }
      }
    }
  }

  /** All of a call but the mount. */
  private static void refusedPublish(FakeKubelet pods, String pod) throws IOException {
    try {
      FakeKubelet.Published published = pods.publish(pod, "data", "no-such-dataset");
      throw new LarderException(ErrorCode.INTERNAL, "published: " + published);
    } catch (LarderException e) {
      if (!(e.getCause() instanceof StatusRuntimeException)) {
        throw e;
      }
    }
  }

  /** Whether datasets could be mounted so far. */
  boolean hasMounts() {
    return hasMounts;
  }

  private static Map<String, String> options(TinyBucket bucket) {
    return Map.of(
        "endpoint", bucket.url(),
        "region", "us-east-1",
        "path-style", "true",
        "credentials", "anonymous");
  }

  /** Lists, then reads everything cold through a mount where there can be one, and again warm. */
  private void use(String name, String uri, Map<String, String> options) throws IOException {
    control.create(name, uri, options, (objects, bytes) -> {});
    client.list(name, "").forEachRemaining(entry -> {});
    useMount(name);
    client.download(DownloadRequest.of(name, "", work.resolve("downloaded-" + name)));
    try (EntryStream entries = client.walk(name, "**")) {
      while (entries.hasNext()) {
        try (InputStream in = client.openStream(name, entries.next().path())) {
          in.transferTo(OutputStream.nullOutputStream());
        }
      }
    }
  }

  private void useMount(String name) throws IOException {
    if (!hasMounts) {
      return;
    }
    Path target = Files.createDirectories(work.resolve("mounted-" + name));
    try {
      control.mount(new MountRequest(name, target.toString(), false, false, false, "kernel"));
    } catch (LarderException e) {
      // Mounts then start as they would unprepared; all the rest is learned.
      System.err.println("larder: prepared without mounts: " + e.getMessage());
      hasMounts = false;
      return;
    }
    try (Stream<Path> all = Files.walk(target)) {
      for (Path path : all.filter(Files::isRegularFile).toList()) {
        Files.copy(path, OutputStream.nullOutputStream());
      }
    } finally {
      control.unmount(target.toString(), "force");
    }
  }

  private void awaitEnd(String job) {
    long deadline = System.nanoTime() + JOB_NANOS_MAX;
    while (control.job(job).map(found -> found.state().equals("running")).orElse(false)) {
      if (System.nanoTime() > deadline) {
        throw new LarderException(ErrorCode.DEADLINE, "a warm-up of a few files does not end");
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
  }
}
