package dev.larder.containers;

import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.model.Bind;
import com.github.dockerjava.api.model.ContainerNetwork;
import com.github.dockerjava.api.model.HostConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.testcontainers.containers.Container.ExecResult;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.AbstractWaitStrategy;
import org.testcontainers.utility.DockerImageName;

/**
 * One container of the cluster, with a name and an address of its own in each network it is in;
 * they stay the same over kills and cuts. One thread at a time.
 */
final class Box extends GenericContainer<Box> {
  /** A network by id, and the address in it. */
  record Place(String network, String address) {}

  private final String name;
  private final List<Place> places;
  private final List<Bind> binds = new ArrayList<>();

  /** The first place is where it begins, further ones are added before it starts. */
  Box(String image, String name, List<Place> places) {
    super(DockerImageName.parse(image));
    this.name = name;
    this.places = places;
    withImagePullPolicy(any -> false);
    withLabels(Engine.label());
    waitingFor(new Unwaited());
    withCreateContainerCmdModifier(command -> {
      HostConfig host = command.getHostConfig();
      host.withNetworkMode(places.getFirst().network())
          // Names of containers that are gone are unknown at once, whatever resolver this machine
          // has: as in a cluster with a resolver of its own.
          .withDns("127.0.0.1")
          .withBinds(binds);
      command.withHostName(name).withIpv4Address(places.getFirst().address()).withAliases(name);
    });
  }

  /** The rig looks for the signs of life that it knows of. */
  private static final class Unwaited extends AbstractWaitStrategy {
    @Override
    protected void waitUntilReady() {
      // Nothing to wait for here.
    }
  }

  Box bind(java.nio.file.Path host, String inside) {
    binds.add(Bind.parse(host.toAbsolutePath() + ":" + inside));
    return this;
  }

  String name() {
    return name;
  }

  /** The address in the first network. */
  String address() {
    return places.getFirst().address();
  }

  /** The address in the network it was given last. */
  String lastAddress() {
    return places.getLast().address();
  }

  @Override
  protected void containerIsCreated(String id) {
    places.stream().skip(1).forEach(place -> connect(id, place));
  }

  private void connect(String id, Place place) {
    Engine.client()
        .connectToNetworkCmd()
        .withContainerId(id)
        .withNetworkId(place.network())
        .withContainerNetwork(
            new ContainerNetwork()
                .withAliases(name)
                .withIpamConfig(new ContainerNetwork.Ipam().withIpv4Address(place.address())))
        .exec();
  }

  /** Pulls the cable of the network it was given last. */
  void unplug() {
    Engine.client()
        .disconnectFromNetworkCmd()
        .withContainerId(getContainerId())
        .withNetworkId(places.getLast().network())
        .withForce(true)
        .exec();
    // An engine without rules of a firewall would lead it there through this machine.
    Links.noWay(this, subnet());
  }

  private String subnet() {
    return lastAddress().substring(0, lastAddress().lastIndexOf('.')) + ".0/24";
  }

  /** Puts it back in. */
  void plug() {
    Links.anyWay(this);
    connect(getContainerId(), places.getLast());
  }

  /** As {@code kill -9} of all in it; what it wrote stays. */
  void kill() {
    Engine.client().killContainerCmd(getContainerId()).exec();
  }

  /** Starts a killed one again. */
  void startAgain() {
    Engine.client().startContainerCmd(getContainerId()).exec();
  }

  void pause() {
    Engine.client().pauseContainerCmd(getContainerId()).exec();
  }

  void unpause() {
    Engine.client().unpauseContainerCmd(getContainerId()).exec();
  }

  boolean isUp() {
    return Boolean.TRUE.equals(state().getRunning());
  }

  void unpauseIfPaused() {
    if (Boolean.TRUE.equals(state().getPaused())) {
      unpause();
    }
  }

  void plugIfUnplugged() {
    boolean isPlugged =
        Engine.client()
            .inspectContainerCmd(getContainerId())
            .exec()
            .getNetworkSettings()
            .getNetworks()
            .values()
            .stream()
            .anyMatch(network -> places.getLast().network().equals(network.getNetworkID()));
    if (!isPlugged) {
      plug();
    }
  }

  private InspectContainerResponse.ContainerState state() {
    return Engine.client().inspectContainerCmd(getContainerId()).exec().getState();
  }

  /** The process number, on this machine, of what runs in it. */
  long pid() {
    Long pid = state().getPidLong();
    if (pid == null || pid == 0) {
      throw new AssertionError(name + " does not run: " + tail(40));
    }
    return pid;
  }

  /** Output of a command of Larder run in it, errors too; it must succeed. */
  String larder(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("larder"));
    command.addAll(List.of(arguments));
    ExecResult result = execInContainer(StandardCharsets.UTF_8, command.toArray(String[]::new));
    if (result.getExitCode() != 0) {
      throw new AssertionError(
          command + " in " + name + ": " + result.getStdout() + result.getStderr());
    }
    return result.getStdout();
  }

  /** The last lines it logged. */
  String tail(int lines) {
    List<String> all = getLogs().lines().toList();
    return String.join("\n", all.subList(Math.max(0, all.size() - lines), all.size()));
  }
}
