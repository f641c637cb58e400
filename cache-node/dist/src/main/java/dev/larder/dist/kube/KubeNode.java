package dev.larder.dist.kube;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A Kubernetes of one node with images of Larder, made by the scripts of the distribution's folder
 * {@code kube}. One thread. {@link #close} takes all of it off the machine; a reaper does where
 * this process is ended.
 */
public final class KubeNode implements AutoCloseable {
  /** The node's own address, in its own network. */
  public static final String ADDRESS = "10.77.0.1";

  private static final Duration BUILD_LIMIT = Duration.ofMinutes(40);
  private static final Duration IMAGE_LIMIT = Duration.ofMinutes(10);
  private static final Duration START_LIMIT = Duration.ofMinutes(5);
  private static final Duration CALL_LIMIT = Duration.ofMinutes(3);

  private final Path home;
  private final Path deploy;
  private final Path tools;
  private final Path work;
  private final Thread reaper = new Thread(this::end, "kube-reaper");

  private KubeNode(Path home, Path deploy, Path tools, Path work) {
    this.home = home;
    this.deploy = deploy;
    this.tools = tools;
    this.work = work;
  }

  /**
   * What this machine lacks for it, in words; empty when it lacks nothing.
   *
   * @param home a distribution
   */
  public static String lacks(Path home) throws InterruptedException {
    return Shell.must(CALL_LIMIT, List.of(script(home, "node.sh"), "missing"))
        .strip()
        .replace("\n", ", ");
  }

  /**
   * Builds Kubernetes of its Go modules, some five minutes the first time; what is built stays for
   * the next time in the folder that {@code LARDER_TOOLS} names, else in the user's cache.
   *
   * @return the folder of its programs
   * @throws LarderException BAD_CONFIG when it cannot be built here, CANCELLED when that was told
   *     to end
   */
  public static Path build(Path home) throws InterruptedException {
    String cache =
        Optional.ofNullable(System.getenv("LARDER_TOOLS"))
            .orElse(System.getProperty("user.home") + "/.cache/larder-tools");
    List<String> command = List.of(script(home, "build.sh"), cache);
    Shell.Result built = Shell.runAloud(BUILD_LIMIT, command);
    Shell.requireNotEnded(built, command);
    if (built.status() != 0) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "Kubernetes could not be built of its Go modules, as said above");
    }
    return Path.of(built.output().strip());
  }

  /**
   * A node that is not started yet.
   *
   * @param home the distribution that becomes the image
   * @param deploy the folder of the manifests
   * @param tools the programs of Kubernetes
   */
  public static KubeNode of(Path home, Path deploy, Path tools) throws IOException {
    // A short name, as sockets lie below it.
    Path work = Files.createTempDirectory(Path.of("/var/tmp"), "lk");
    KubeNode node = new KubeNode(home, deploy, tools, work);
    Runtime.getRuntime().addShutdownHook(node.reaper);
    return node;
  }

  private static String script(Path home, String name) {
    return home.resolve("kube").resolve(name).toString();
  }

  private String script(String name) {
    return script(home, name);
  }

  /**
   * Starts it, and waits until it is ready.
   *
   * @throws LarderException INTERNAL with what its scripts said when it does not start, CANCELLED
   *     when they were told to end; {@link #close} takes away what there is by then
   */
  public void start() throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.addAll(List.of(script("node.sh"), "up", work.toString(), tools.toString()));
    for (String kind : List.of("busybox", "larder", "provisioner")) {
      // The scripts start the same Java as this process does.
      Shell.must(
          IMAGE_LIMIT,
          List.of(
              "env",
              "JAVA_HOME=" + System.getProperty("java.home"),
              script("image.sh"),
              kind,
              work.toString(),
              home.toString(),
              tools.toString(),
              deploy.toString()));
      command.add(work.resolve(kind + ".tar").toString());
    }
    String unused = Shell.must(START_LIMIT, command);
    for (String kind : List.of("busybox", "larder", "provisioner")) {
      Files.delete(work.resolve(kind + ".tar"));
    }
  }

  /** Everything of the node is below it; it has a short name, as sockets are there. */
  public Path work() {
    return work;
  }

  /** The distribution that is in its image. */
  public Path home() {
    return home;
  }

  /** The folder of the manifests. */
  Path deploy() {
    return deploy;
  }

  /** kubelet's folder. */
  public Path kubelet() {
    return work.resolve("kubelet");
  }

  /** A command in the node's network. */
  public List<String> inside(List<String> command) {
    List<String> all = new ArrayList<>();
    all.addAll(List.of("nsenter", "--net=/run/netns/" + work.getFileName()));
    all.addAll(command);
    return all;
  }

  /** The words that run kubectl on it. */
  public List<String> kubectlCommand(String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(tools.resolve("kubectl").toString());
    command.addAll(List.of("--kubeconfig", work.resolve("admin.conf").toString()));
    command.addAll(List.of(arguments));
    return inside(command);
  }

  /** kubectl; it has to succeed. */
  public String kubectl(String... arguments) throws InterruptedException {
    return Shell.must(CALL_LIMIT, kubectlCommand(arguments));
  }

  /** kubectl, whatever it says. */
  public Shell.Result tryKubectl(String... arguments) throws InterruptedException {
    return Shell.run(CALL_LIMIT, kubectlCommand(arguments));
  }

  /** One field of an object, or of all that a label selects; empty where there is none. */
  public String field(String object, String namespace, String path) {
    List<String> arguments = new ArrayList<>(List.of("-n", namespace, "get"));
    arguments.addAll(List.of(object.split(" ")));
    arguments.addAll(List.of("-o", "jsonpath={" + path + "}"));
    try {
      return tryKubectl(arguments.toArray(String[]::new)).output();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.INTERNAL, "interrupted at kubectl get " + object, e);
    }
  }

  /** Ends kubelet; pods go on. */
  public void stopKubelet() throws InterruptedException {
    String unused = Shell.must(CALL_LIMIT, List.of(script("node.sh"), "kubelet-stop", "" + work));
  }

  /** Starts kubelet again. */
  public void startKubelet() throws InterruptedException {
    String unused =
        Shell.must(CALL_LIMIT, List.of(script("node.sh"), "kubelet-start", "" + work, "" + tools));
  }

  /** Processes of the machine whose command line has all of these words. */
  public static List<ProcessHandle> processes(String... words) {
    return ProcessHandle.allProcesses()
        .filter(process -> {
          String line = commandLine(process);
          return Stream.of(words).allMatch(line::contains);
        })
        .toList();
  }

  private static String commandLine(ProcessHandle process) {
    return String.join(" ", Shell.lines(Path.of("/proc/" + process.pid() + "/cmdline")))
        .replace('\0', ' ');
  }

  /** Mount points of the machine below a folder. */
  public static List<String> mounts(Path folder) {
    return Shell.lines(Path.of("/proc/self/mountinfo")).stream()
        .map(line -> line.split(" ")[4])
        .filter(point -> point.startsWith(folder + "/"))
        .toList();
  }

  /** What the node leaves on the machine, after {@link #close}; nothing when all is well. */
  public List<String> leftovers() throws IOException {
    return leftovers(work);
  }

  /** What a node with such a folder, of this process or another, leaves on the machine. */
  public static List<String> leftovers(Path work) throws IOException {
    List<String> left = new ArrayList<>(mounts(work));
    processes(work.toString()).forEach(process -> left.add("process " + process.info()));
    for (Path place :
        List.of(work, Path.of("/run/netns").resolve(String.valueOf(work.getFileName())))) {
      if (Files.exists(place)) {
        left.add(place.toString());
      }
    }
    try (Stream<Path> groups = Files.walk(Path.of("/sys/fs/cgroup"), 2)) {
      groups
          .filter(path -> path.endsWith("larder-" + work.getFileName()))
          .map(Path::toString)
          .forEach(left::add);
    }
    return left;
  }

  private synchronized void end() {
    // Of one that was told to end while it starts: a script that goes on would begin things anew.
    ProcessHandle.current()
        .descendants()
        .filter(process -> commandLine(process).contains(work.toString()))
        .forEach(process -> {
          process.descendants().forEach(ProcessHandle::destroyForcibly);
          process.destroyForcibly();
        });
    try {
      String unused = Shell.must(CALL_LIMIT, List.of(script("node.sh"), "down", "" + work));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.INTERNAL, "interrupted; look at " + work, e);
    }
  }

  @Override
  public void close() {
    end();
    try {
      boolean unused = Runtime.getRuntime().removeShutdownHook(reaper);
    } catch (IllegalStateException e) {
      // It is the reaper's turn already, and finds nothing.
      return;
    }
  }
}
