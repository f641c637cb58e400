package dev.larder.dist.quickstart;

import dev.larder.client.LarderClient;
import dev.larder.dist.kube.KubeNode;
import dev.larder.dist.kube.Shell;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

/**
 * Pods without a Kubernetes: {@link FakeKubelet} publishes their volumes by the real driver of a
 * real agent, and a process of this machine stands for their container. One thread.
 */
final class FakePods implements PodHost {
  private static final String REGISTRATION = "csi.larder.dev-reg.sock";
  private static final Duration STOP_WAIT = Duration.ofSeconds(15);

  private final QuickstartRig rig;
  private final Path sockets;
  private final FakeKubelet kubelet;
  private final List<FakePod> running = new CopyOnWriteArrayList<>();

  private FakePods(QuickstartRig rig, Path sockets) {
    this.rig = rig;
    this.sockets = sockets;
    this.kubelet = new FakeKubelet(rig.work().resolve("pods"), sockets.resolve(REGISTRATION));
  }

  /** Starts the S3 server and an agent with its driver. */
  static FakePods start(QuickstartRig rig) throws IOException, InterruptedException {
    S3Process unused = rig.startS3();
    // A socket's name has room for 108 bytes.
    FakePods pods = new FakePods(rig, Files.createTempDirectory(Path.of("/tmp"), "larder-csi"));
    rig.beforeClean(pods::takeDown);
    pods.startAgent();
    return pods;
  }

  private void startAgent() throws IOException, InterruptedException {
    rig.startAgent(
        "csi.socket=" + sockets.resolve("csi.sock"),
        "csi.registry=" + sockets,
        "csi.node-id=node-1",
        // Where the machine has less than 10 % free, the cache would hold nothing.
        "store.disk-min-free=1GiB");
  }

  @Override
  public String kubelet() {
    return "fake";
  }

  @Override
  public void createDataset(String name) {
    try (LarderClient client = rig.connect()) {
      client
          .control()
          .create(
              name, "s3://" + S3Process.BUCKET + "/" + name, rig.datasetOptions(), (o, b) -> {});
    }
  }

  @Override
  public Pod startPod(String name, String data, String later) throws IOException {
    Path out = Files.createDirectories(rig.work().resolve("out").resolve(name));
    double created = PodTime.now();
    List<FakeKubelet.Published> volumes = new ArrayList<>();
    volumes.add(kubelet.publish(name, DATA, data));
    if (!later.isEmpty()) {
      volumes.add(kubelet.publish(name, LATER, later));
    }
    PodReader.Places places =
        new PodReader.Places(
            volumes.getFirst().target().toString(),
            rig.bucket().resolve(data).toString(),
            later.isEmpty() ? "" : volumes.getLast().target().toString(),
            later.isEmpty() ? "" : rig.bucket().resolve(later).toString(),
            out.toString());
    Path log = out.resolve("log");
    Process container =
        new ProcessBuilder(
                places.command(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    rig.home().resolve("lib") + "/*"))
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    FakePod pod = new FakePod(volumes, Started.now(name, out, created), container);
    running.add(pod);
    return pod;
  }

  @Override
  public List<String> hints() {
    return List.of("export LARDER_AGENT=" + rig.readyFile(), "./larder mounts", "./larder status");
  }

  @Override
  public void killAgent() throws InterruptedException, IOException {
    rig.killAgent();
    startAgent();
  }

  @Override
  public void close() {
    List.copyOf(running).forEach(FakePod::delete);
    kubelet.close();
  }

  /**
   * Takes everything away by force, as there may be no agent any more that would do it: a Ctrl-C
   * ends all processes of the terminal at once.
   */
  private void takeDown() {
    running.forEach(FakePod::kill);
    // It would start another keeper.
    rig.endAgent();
    KubeNode.processes("dev.larder.keeper.KeeperMain", rig.runDirectory().toString())
        .forEach(ProcessHandle::destroyForcibly);
    for (String point : KubeNode.mounts(rig.work()).reversed()) {
      try {
        Shell.Result result = Shell.run(STOP_WAIT, List.of("umount", "-l", point));
        if (result.status() != 0) {
          rig.say("%s", result.errors());
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    try (var left = Files.list(sockets)) {
      for (Path each : left.toList()) {
        Files.deleteIfExists(each);
      }
      Files.deleteIfExists(sockets);
    } catch (IOException e) {
      rig.say("could not remove %s: %s", sockets, e);
    }
  }

  private final class FakePod implements Pod {
    private final List<FakeKubelet.Published> volumes;
    private final Started started;
    private final Process container;

    FakePod(List<FakeKubelet.Published> volumes, Started started, Process container) {
      this.volumes = volumes;
      this.started = started;
      this.container = container;
    }

    @Override
    public Started started() {
      return started;
    }

    @Override
    public String words() {
      try {
        return Files.readString(started.out().resolve("log"));
      } catch (IOException e) {
        return e.toString();
      }
    }

    @Override
    public boolean isFailed() {
      return !container.isAlive() && container.exitValue() != 0;
    }

    void kill() {
      container.descendants().forEach(ProcessHandle::destroyForcibly);
      container.destroyForcibly();
    }

    @Override
    public void delete() {
      running.remove(this);
      kill();
      try {
        if (!container.waitFor(STOP_WAIT.toSeconds(), TimeUnit.SECONDS)) {
          throw new LarderException(ErrorCode.INTERNAL, "a container does not end: " + words());
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      volumes.forEach(kubelet::unpublish);
    }
  }
}
