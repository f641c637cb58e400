package dev.larder.kube;

import dev.larder.testkit.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A Kubernetes of one node with images of Larder, made by the scripts in {@code src/test/kube}. One
 * thread. {@link #close} takes all of it off the machine; a reaper does where this process is
 * ended.
 */
final class KubeNode implements AutoCloseable {
  /** The node's own address, in its own network. */
  static final String ADDRESS = "10.77.0.1";

  private static final Path SCRIPTS = Path.of("src/test/kube").toAbsolutePath();
  private static final Duration BUILD_LIMIT = Duration.ofMinutes(40);
  private static final Duration START_LIMIT = Duration.ofMinutes(5);
  private static final Duration CALL_LIMIT = Duration.ofMinutes(3);

  private final Path work;
  private final Path tools;
  private final Path home;
  private final Thread reaper = new Thread(this::end, "kube-reaper");

  private KubeNode(Path work, Path tools, Path home) {
    this.work = work;
    this.tools = tools;
    this.home = home;
  }

  /** Builds what is not built yet, and waits until the node is ready. */
  static KubeNode start() throws Exception {
    Path home = home();
    Needs.that(Files.isDirectory(home), "no distribution at " + home + "; build cache-node/dist");
    String lacks =
        Shell.must(CALL_LIMIT, List.of(script("node.sh"), "missing")).replace("\n", ", ");
    Needs.that(lacks.isEmpty(), "a Kubernetes node cannot be started here, it lacks " + lacks);
    Path tools = build();
    KubeNode node = new KubeNode(Files.createTempDirectory(Path.of("/var/tmp"), "lk"), tools, home);
    Runtime.getRuntime().addShutdownHook(node.reaper);
    try {
      node.up();
      return node;
    } catch (Exception | AssertionError e) {
      node.close();
      throw e;
    }
  }

  /** The distribution under test. */
  static Path home() {
    return Path.of(
            Optional.ofNullable(System.getenv("LARDER_KUBE_HOME"))
                .orElse("../../cache-node/dist/target/larder"))
        .toAbsolutePath()
        .normalize();
  }

  private static Path build() throws Exception {
    String cache =
        Optional.ofNullable(System.getenv("LARDER_TOOLS"))
            .orElse(System.getProperty("user.home") + "/.cache/larder-tools");
    Shell.Result built = Shell.run(BUILD_LIMIT, List.of(script("build.sh"), cache));
    Needs.that(built.status() == 0, "Kubernetes cannot be built: " + built.errors());
    return Path.of(built.output().strip());
  }

  private static String script(String name) {
    return SCRIPTS.resolve(name).toString();
  }

  private void up() throws Exception {
    List<String> command = new ArrayList<>();
    command.addAll(List.of(script("node.sh"), "up", work.toString(), tools.toString()));
    for (String kind : List.of("busybox", "larder", "provisioner")) {
      // The scripts start the same Java as this test does.
      Shell.must(
          CALL_LIMIT,
          List.of(
              "env",
              "JAVA_HOME=" + System.getProperty("java.home"),
              script("image.sh"),
              kind,
              work.toString(),
              home.toString(),
              tools.toString()));
      command.add(work.resolve(kind + ".tar").toString());
    }
    String unused = Shell.must(START_LIMIT, command);
    for (String kind : List.of("busybox", "larder", "provisioner")) {
      Files.delete(work.resolve(kind + ".tar"));
    }
  }

  /** Everything of the node is below it; it has a short name, as sockets are there. */
  Path work() {
    return work;
  }

  /** kubelet's folder. */
  Path kubelet() {
    return work.resolve("kubelet");
  }

  /** A command in the node's network. */
  List<String> inside(List<String> command) {
    List<String> all = new ArrayList<>();
    all.addAll(List.of("nsenter", "--net=/run/netns/" + work.getFileName()));
    all.addAll(command);
    return all;
  }

  private List<String> kubectlCommand(String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(tools.resolve("kubectl").toString());
    command.addAll(List.of("--kubeconfig", work.resolve("admin.conf").toString()));
    command.addAll(List.of(arguments));
    return inside(command);
  }

  /** kubectl; it has to succeed. */
  String kubectl(String... arguments) throws Exception {
    return Shell.must(CALL_LIMIT, kubectlCommand(arguments));
  }

  /** kubectl, whatever it says. */
  Shell.Result tryKubectl(String... arguments) throws Exception {
    return Shell.run(CALL_LIMIT, kubectlCommand(arguments));
  }

  /** One field of an object, or of all that a label selects; empty where there is none. */
  String field(String object, String namespace, String path) {
    List<String> arguments = new ArrayList<>(List.of("-n", namespace, "get"));
    arguments.addAll(List.of(object.split(" ")));
    arguments.addAll(List.of("-o", "jsonpath={" + path + "}"));
    try {
      return tryKubectl(arguments.toArray(String[]::new)).output();
    } catch (Exception e) {
      throw new AssertionError("kubectl get " + object, e);
    }
  }

  void stopKubelet() throws Exception {
    String unused = Shell.must(CALL_LIMIT, List.of(script("node.sh"), "kubelet-stop", "" + work));
  }

  void startKubelet() throws Exception {
    String unused =
        Shell.must(CALL_LIMIT, List.of(script("node.sh"), "kubelet-start", "" + work, "" + tools));
  }

  /** Processes of the machine whose command line has all of these words. */
  static List<ProcessHandle> processes(String... words) {
    return ProcessHandle.allProcesses()
        .filter(process -> {
          String line =
              String.join(" ", Shell.lines(Path.of("/proc/" + process.pid() + "/cmdline")))
                  .replace('\0', ' ');
          return Stream.of(words).allMatch(line::contains);
        })
        .toList();
  }

  /** Mount points of the machine below a folder. */
  static List<String> mounts(Path folder) {
    return Shell.lines(Path.of("/proc/self/mountinfo")).stream()
        .map(line -> line.split(" ")[4])
        .filter(point -> point.startsWith(folder + "/"))
        .toList();
  }

  /** What the node leaves on the machine, after {@link #close}; nothing when all is well. */
  List<String> leftovers() throws IOException {
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

  private void end() {
    try {
      String unused = Shell.must(CALL_LIMIT, List.of(script("node.sh"), "down", "" + work));
    } catch (Exception e) {
      throw new AssertionError("the node cannot be taken down", e);
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
