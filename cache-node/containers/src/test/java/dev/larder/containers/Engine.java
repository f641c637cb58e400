package dev.larder.containers;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.exception.DockerException;
import com.github.dockerjava.api.model.Container;
import com.github.dockerjava.api.model.Network;
import dev.larder.testkit.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.testcontainers.DockerClientFactory;

/**
 * The Docker engine of this machine. It must be this machine's: links are cut in the containers'
 * own network namespaces, by root. Any thread.
 */
final class Engine {
  private static final String LABEL = "dev.larder.test";
  private static final String HINT =
      "no Docker engine answers on this machine; run \"./verify containers\" as root where Docker"
          + " is installed (Debian: apt-get install docker.io iptables), or set DOCKER_HOST";

  private Engine() {}

  /** Ends the test unless there is all that it needs. */
  static void need() {
    Needs.root();
    for (String program : List.of("nsenter", "ip")) {
      Needs.program(program, "Debian: apt-get install util-linux iproute2");
    }
    Needs.program("tc", "Debian: apt-get install iproute2");
    Needs.program("iptables", "Debian: apt-get install iptables");
    DockerClientFactory factory = DockerClientFactory.instance();
    Needs.that(factory.isDockerAvailable(), HINT);
    Needs.that("unix".equals(factory.getTransportConfig().getDockerHost().getScheme()), HINT);
  }

  static DockerClient client() {
    return DockerClientFactory.lazyClient();
  }

  /** What marks containers and networks of this run. */
  static Map<String, String> label() {
    ProcessHandle self = ProcessHandle.current();
    return Map.of(LABEL, self.pid() + "-" + startOf(self.pid()));
  }

  /** Takes away what runs left behind that were killed. */
  static void sweep() {
    for (Container each :
        client().listContainersCmd().withShowAll(true).withLabelFilter(List.of(LABEL)).exec()) {
      if (isOrphan(each.getLabels())) {
        remove(each.getId());
      }
    }
    for (Network each : client().listNetworksCmd().exec()) {
      if (each.getLabels() != null
          && each.getLabels().containsKey(LABEL)
          && isOrphan(each.getLabels())) {
        client().removeNetworkCmd(each.getId()).exec();
      }
    }
  }

  static void remove(String container) {
    try {
      client().removeContainerCmd(container).withForce(true).withRemoveVolumes(true).exec();
    } catch (com.github.dockerjava.api.exception.NotFoundException e) {
      // Gone already, which is what was asked for.
      return;
    }
  }

  /** Takes networks away, each though another could not be. */
  static void removeNetworks(Collection<String> ids) {
    for (String id : ids) {
      try {
        client().removeNetworkCmd(id).exec();
      } catch (DockerException e) {
        System.err.println("network " + id + " stays: " + e.getMessage());
      }
    }
  }

  private static boolean isOrphan(Map<String, String> labels) {
    String[] owner = labels.getOrDefault(LABEL, "0-0").split("-", 2);
    return !startOf(Long.parseLong(owner[0])).equals(owner[1]);
  }

  /** When a process began, in the kernel's ticks: with its number the name of one process. */
  private static String startOf(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      return stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[19];
    } catch (IOException e) {
      return "ended";
    }
  }
}
