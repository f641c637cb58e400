package dev.larder.containers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.dockerjava.api.exception.DockerException;
import com.github.dockerjava.api.model.Network.Ipam;
import dev.larder.client.LarderClient;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.testcontainers.lifecycle.Startables;

/**
 * Three coordinators, four agents and an S3 server in containers, set up as docs/CLUSTER.md says:
 * certificates by {@code larder certs}, a file of configuration each. Coordinators and agents meet
 * in one network, agents, the origin and these tests in another. Any thread.
 */
final class Rig implements AutoCloseable {
  static final List<String> COORDINATORS = List.of("c1", "c2", "c3");
  static final List<String> AGENTS = List.of("agent-1", "agent-2", "agent-3", "agent-4");
  static final int PEER_PORT = 7451;
  static final int DOOR_PORT = 7452;
  static final int RAFT_PORT = 7453;
  static final Duration MEMBER_DEADLINE = Duration.ofSeconds(6);

  private static final String FIRST_AUTHORITY = "ca-1";
  private static final int HTTP_PORT = 7450;
  private static final Duration START = Duration.ofSeconds(90);
  private static final int SUBNET_TRIES = 20;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path work;
  private final List<String> networks = new ArrayList<>();
  private final Map<String, String> subnets = new LinkedHashMap<>();
  private final Map<String, Box> boxes = new LinkedHashMap<>();
  private final Map<String, LarderClient> clients = new LinkedHashMap<>();
  private final String image;
  private final Origin origin;
  private @org.jspecify.annotations.Nullable Dataset steady;
  private volatile String authority = FIRST_AUTHORITY;

  private Rig(Path work, long seed) throws IOException {
    this.work = work;
    Engine.sweep();
    this.image = Images.larder();
    SplittableRandom random = new SplittableRandom(seed);
    String outside = network(random);
    String inside = network(random);
    this.origin = new Origin(work.resolve("s3"), image, place(outside, 10), seed);
    boxes.put("s3", origin.box());
    for (int i = 0; i < COORDINATORS.size(); i++) {
      boxes.put(COORDINATORS.get(i), coordinator(COORDINATORS.get(i), place(inside, 11 + i)));
    }
    for (int i = 0; i < AGENTS.size(); i++) {
      boxes.put(AGENTS.get(i), agent(AGENTS.get(i), place(outside, 21 + i), place(inside, 21 + i)));
    }
  }

  /** Starts all of it and waits until every agent knows every other. */
  static Rig start(Path work, long seed) throws Exception {
    long began = System.nanoTime();
    Rig rig = new Rig(work, seed);
    try {
      rig.certificates(FIRST_AUTHORITY);
      rig.identify(FIRST_AUTHORITY);
      rig.trust(FIRST_AUTHORITY);
      Startables.deepStart(rig.boxes.values().stream()).join();
      Until.holds("the origin answers", START, rig.origin::isReady);
      for (String agent : AGENTS) {
        Until.holds(agent + " is ready", START, () -> rig.isReady(agent));
        rig.clients.put(agent, rig.connect(agent));
      }
      for (String agent : AGENTS) {
        Until.holds(
            agent + " knows all", START, () -> rig.activeNodes(agent).size() == AGENTS.size());
      }
      System.err.printf("the cluster runs after %d ms%n", (System.nanoTime() - began) / 1_000_000);
      return rig;
    } catch (Throwable e) {
      System.err.println(rig.logs());
      rig.close();
      throw e;
    }
  }

  // Docker gives fixed addresses only in subnets that were asked for; one that is taken is refused.
  private String network(SplittableRandom random) {
    for (int i = 1; ; i++) {
      String subnet = "10.%d.%d".formatted(random.nextInt(100, 250), random.nextInt(256));
      try {
        String id =
            Engine.client()
                .createNetworkCmd()
                .withName("larder-test-" + ProcessHandle.current().pid() + "-" + networks.size())
                .withIpam(new Ipam().withConfig(new Ipam.Config().withSubnet(subnet + ".0/24")))
                .withLabels(Engine.label())
                .exec()
                .getId();
        networks.add(id);
        subnets.put(id, subnet);
        return id;
      } catch (DockerException e) {
        if (i == SUBNET_TRIES) {
          throw e;
        }
      }
    }
  }

  private Box.Place place(String network, int host) {
    return new Box.Place(network, subnets.get(network) + "." + host);
  }

  private Box coordinator(String id, Box.Place place) throws IOException {
    String peers =
        String.join(
            ", ", COORDINATORS.stream().map(each -> each + "=" + each + ":" + RAFT_PORT).toList());
    Path etc = etc(id);
    Files.writeString(
        etc.resolve("config.yaml"),
        """
        tls: {certificate: /etc/larder/own.pem, key: /etc/larder/own.key, ca: /etc/larder/ca.pem, reload-interval: 1s}
        coordinator:
          id: %s
          peers: [%s]
          request-timeout: 3s
          member-deadline: %ds
          stable-after: 2s
        """
            .formatted(id, peers, MEMBER_DEADLINE.toSeconds()));
    return box(id, List.of(place))
        .withCommand("coordinator", "--config", "/etc/larder/config.yaml");
  }

  private Box agent(String id, Box.Place outside, Box.Place inside) throws IOException {
    String addresses =
        String.join(", ", COORDINATORS.stream().map(each -> each + ":" + DOOR_PORT).toList());
    Path etc = etc(id);
    Files.writeString(
        etc.resolve("config.yaml"),
        """
        tls: {certificate: /etc/larder/own.pem, key: /etc/larder/own.key, ca: /etc/larder/ca.pem, reload-interval: 1s}
        coordinator: {addresses: [%s], request-timeout: 3s}
        node: {id: %s, heartbeat-interval: 2s}
        http: {host: 0.0.0.0, hosts-allowed: [%s]}
        peer: {progress-deadline: 2s, demote-for: 5s}
        fill: {lease-deadline: 5s}
        store: {disk-max: 2GiB, disk-min-free: 0}
        """
            .formatted(addresses, id, outside.address()));
    return box(id, List.of(outside, inside))
        .bind(Files.createDirectories(run(id)), "/run/larder")
        .withEnv(Origin.environment())
        .withCommand("agent", "--config", "/etc/larder/config.yaml");
  }

  private Box box(String name, List<Box.Place> places) {
    return new Box(image, name, places)
        .bind(etc(name), "/etc/larder")
        .withEnv(
            "LARDER_JAVA_OPTS", "-Xmx160m -XX:-UseG1GC -XX:+UseSerialGC -XX:TieredStopAtLevel=1");
  }

  private Path etc(String name) {
    try {
      return Files.createDirectories(work.resolve("etc").resolve(name));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private Path run(String agent) throws IOException {
    Path run = work.resolve("run").resolve(agent);
    if (!Files.isDirectory(run)) {
      Files.createDirectories(run);
      Files.setPosixFilePermissions(
          run, java.nio.file.attribute.PosixFilePermissions.fromString("rwx------"));
    }
    return run;
  }

  /**
   * Makes an authority and certificates of coordinators, of each agent, and of a client, by {@code
   * larder certs} of the image.
   */
  void certificates(String authority) throws IOException {
    Path directory = Files.createDirectories(work.resolve("certs"));
    String names =
        String.join(
            " ",
            COORDINATORS.stream()
                .map(each -> "--name " + each + " --name " + box(each).address())
                .toList());
    String agents =
        String.join(
            " ",
            AGENTS.stream()
                .map(id -> "larder certs " + authority + " --role agent --node " + id + " &")
                .toList());
    try (Box maker =
        new Box(image, "certs", List.of(place(networks.getFirst(), 5)))
            .bind(directory, "/certs")
            .withCreateContainerCmdModifier(command ->
                command
                    .withEntrypoint("bash", "-ec")
                    .withCmd(
                        "cd /certs; larder certs %1$s --role coordinator %2$s; %3$s larder certs %1$s --role client & wait; sleep 1000"
                            .formatted(authority, names, agents)))) {
      maker.start();
      Path made = directory.resolve(authority);
      Until.holds(
          "certificates are made",
          START,
          () ->
              Stream.concat(Stream.of("ca", "coordinator", "client"), AGENTS.stream())
                  .allMatch(name -> Files.exists(made.resolve(name + ".pem"))));
    }
  }

  /** The one that all processes show and trust now. */
  String authority() {
    return authority;
  }

  void authority(String now) {
    authority = now;
  }

  /** Where the certificates of an authority are. */
  Path certs(String authority) {
    return work.resolve("certs").resolve(authority);
  }

  /** Gives every process its certificate by an authority, as files of its own. */
  void identify(String authority) throws IOException {
    for (String name : Stream.concat(COORDINATORS.stream(), AGENTS.stream()).toList()) {
      Path from = certs(authority);
      String own = COORDINATORS.contains(name) ? "coordinator" : name;
      replace(etc(name).resolve("own.key"), Files.readString(from.resolve(own + ".key")));
      replace(etc(name).resolve("own.pem"), Files.readString(from.resolve(own + ".pem")));
    }
  }

  /** Has every process trust these authorities and no other. */
  void trust(String... authorities) throws IOException {
    StringBuilder pem = new StringBuilder();
    for (String authority : authorities) {
      pem.append(Files.readString(certs(authority).resolve("ca.pem")));
    }
    for (String name : Stream.concat(COORDINATORS.stream(), AGENTS.stream()).toList()) {
      replace(etc(name).resolve("ca.pem"), pem.toString());
    }
  }

  /** Does what changes files of TLS, and waits until every process has read them again. */
  void whileReread(Change change) throws IOException {
    Map<String, Long> before = new LinkedHashMap<>();
    List<String> names = Stream.concat(COORDINATORS.stream(), AGENTS.stream()).toList();
    names.forEach(name -> before.put(name, rereads(name)));
    change.make();
    for (String name : names) {
      Until.holds(name + " reads its files again", START, () -> rereads(name) > before.get(name));
    }
  }

  /** Something done to files. */
  @FunctionalInterface
  interface Change {
    void make() throws IOException;
  }

  private long rereads(String name) {
    return box(name).getLogs().lines().filter(line -> line.contains("files read again")).count();
  }

  private static void replace(Path file, String content) throws IOException {
    Path draft = file.resolveSibling(file.getFileName() + ".new");
    Files.writeString(draft, content);
    Files.move(draft, file, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
  }

  Origin origin() {
    return origin;
  }

  Box box(String name) {
    Box box = boxes.get(name);
    if (box == null) {
      throw new IllegalArgumentException(name);
    }
    return box;
  }

  LarderClient client(String agent) {
    LarderClient client = clients.get(agent);
    if (client == null) {
      throw new IllegalArgumentException(agent);
    }
    return client;
  }

  private LarderClient connect(String agent) throws IOException {
    Path file = work.resolve(agent + ".json");
    Files.writeString(
        file,
        JSON.createObjectNode()
            .put("version", 1)
            .put("address", box(agent).address() + ":" + HTTP_PORT)
            .put("tokenFile", run(agent).resolve("token").toAbsolutePath().toString())
            .toString());
    return LarderClient.builder().agentFile(file).directReads(false).build();
  }

  /** Whether an agent answers as ready. */
  boolean isReady(String agent) throws IOException, InterruptedException {
    return Files.exists(run(agent).resolve("token")) && get(agent, "/readyz").statusCode() == 200;
  }

  private HttpResponse<String> get(String agent, String path)
      throws IOException, InterruptedException {
    String token = Files.readString(run(agent).resolve("token")).strip();
    HttpRequest request =
        HttpRequest.newBuilder(
                URI.create("http://" + box(agent).address() + ":" + HTTP_PORT + path))
            .header("Authorization", "Bearer " + token)
            .timeout(Duration.ofSeconds(5))
            .build();
    try (HttpClient http = HttpClient.newHttpClient()) {
      return http.send(request, HttpResponse.BodyHandlers.ofString());
    }
  }

  /** A figure of an agent's metrics, one without labels. */
  double metric(String agent, String name) throws IOException, InterruptedException {
    return get(agent, "/metrics")
        .body()
        .lines()
        .filter(line -> line.startsWith(name + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1)))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no figure " + name));
  }

  JsonNode status(String agent) throws IOException {
    return JSON.readTree(client(agent).control().statusJson());
  }

  /** Whom an agent does not read from or ask now, by its own word. */
  Set<String> leftBy(String agent) throws IOException {
    Set<String> named = new TreeSet<>();
    JsonNode peers = status(agent).path("peers");
    for (String list : List.of("leftMembers", "silentTrackers")) {
      peers.path(list).forEach(each -> named.add(each.path("member").asText()));
    }
    return named;
  }

  /** Who an agent says is a member, by id. */
  Map<String, JsonNode> nodes(String agent) throws IOException {
    Map<String, JsonNode> nodes = new LinkedHashMap<>();
    JSON.readTree(client(agent).control().nodesJson())
        .path("nodes")
        .forEach(node -> nodes.put(node.path("id").asText(), node));
    return nodes;
  }

  List<String> activeNodes(String agent) throws IOException {
    return nodes(agent).entrySet().stream()
        .filter(node -> node.getValue().path("state").asText().equals("active"))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** The coordinators as an agent hears of them, by id. */
  Map<String, JsonNode> coordinators(String agent) throws IOException {
    Map<String, JsonNode> all = new LinkedHashMap<>();
    JSON.readTree(client(agent).control().coordinatorsJson())
        .path("coordinators")
        .forEach(node -> all.put(node.path("id").asText(), node));
    return all;
  }

  /** Who leads; fails while nobody does. */
  String leader(String agent) throws IOException {
    return coordinators(agent).values().stream()
        .filter(node -> node.path("leader").asBoolean())
        .map(node -> node.path("id").asText())
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("nobody leads"));
  }

  /**
   * Puts files into the bucket and makes a dataset of them at an agent; all agents know it then.
   */
  Dataset create(String agent, String name, int count, int bytes) throws IOException {
    List<String> paths = origin.put(name, count, bytes);
    define(agent, name, name);
    // With its catalog, so that who reads afterwards reads the files at once.
    for (String each : AGENTS) {
      Until.holds(
          each + " knows " + name, START, () -> client(each).stat(name, paths.getFirst()) != null);
    }
    return new Dataset(name, paths, (long) count * bytes);
  }

  /** Some files that every node has: what readers read while faults go on around them. */
  synchronized Dataset steady() throws IOException {
    Dataset known = steady;
    if (known == null) {
      known = create(AGENTS.getFirst(), "steady", 6, 300_001);
      for (String agent : AGENTS) {
        Readers.compareAll(this, agent, known);
      }
      steady = known;
    }
    return known;
  }

  /** Makes a dataset of what is below a prefix. */
  void define(String agent, String name, String prefix) {
    client(agent)
        .control()
        .create(
            name, "s3://" + Origin.BUCKET + "/" + prefix, Origin.options(), (objects, bytes) -> {});
  }

  /** All is as it was in the beginning: what every test begins with and leaves. */
  void awaitWell() {
    for (String agent : AGENTS) {
      Until.holds(
          agent + " sees a whole cluster",
          START,
          () ->
              status(agent).path("coordinator").path("state").asText().equals("ok")
                  && activeNodes(agent).equals(AGENTS));
    }
    Until.holds(
        "all coordinators follow",
        START,
        () ->
            coordinators(AGENTS.getFirst()).values().stream()
                .allMatch(each ->
                    each.path("leader").asBoolean()
                        || each.path("silentMillis").asLong(Long.MAX_VALUE) < 2000));
  }

  /** Undoes what a test may have done to containers and links. */
  void mend() {
    for (Box box : boxes.values()) {
      if (!box.isUp()) {
        box.startAgain();
      } else {
        box.unpauseIfPaused();
        Links.heal(box);
      }
      box.plugIfUnplugged();
    }
    Links.fast(origin.box());
  }

  /** The end of every container's log. */
  String logs() {
    StringBuilder text = new StringBuilder();
    boxes.forEach((name, box) -> {
      if (box.getContainerId() != null) {
        text.append("--- ").append(name).append('\n').append(box.tail(60)).append('\n');
      }
    });
    return text.toString();
  }

  @Override
  public void close() {
    clients.values().forEach(LarderClient::close);
    List<Box> all = List.copyOf(boxes.values());
    IntStream.range(0, all.size())
        .parallel()
        .mapToObj(all::get)
        .filter(box -> box.getContainerId() != null)
        .forEach(box -> Engine.remove(box.getContainerId()));
    Engine.removeNetworks(networks);
  }
}
