package dev.larder.dist;

import dev.larder.coordinator.api.NodeNames;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.tls.Authority;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code larder certs}: certificates where there is no authority to ask. */
@Command(
    name = "certs",
    description =
        "Make a certificate for a process of a cluster, by an authority of one's own in DIR, which"
            + " is made at the first call. Who can read ca.key can make any: keep it off the nodes.")
final class CertsCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  @Parameters(index = "0", paramLabel = "DIR", description = "where ca.pem and ca.key are")
  Path directory;

  @Option(
      names = "--role",
      required = true,
      paramLabel = "ROLE",
      description = "What it is for: ${COMPLETION-CANDIDATES}.")
  Role role;

  @Option(
      names = "--node",
      paramLabel = "ID",
      description =
          "The node (node.id) that an agent's certificate speaks for; may be repeated. '*' stands"
              + " for all of a cluster whose tls.shared-nodes is on.")
  List<String> nodes = List.of();

  @Option(
      names = "--name",
      paramLabel = "HOST",
      description = "Host name or address of the process; may be repeated (default: loopback).")
  List<String> hosts = List.of("localhost", "127.0.0.1", "::1");

  @Option(
      names = "--file",
      paramLabel = "STEM",
      description = "Names the files STEM.pem and STEM.key (default: the node, else the role).")
  @Nullable String stem;

  @Override
  public Integer call() {
    if (nodes.isEmpty() == (role == Role.AGENT)) {
      throw new ParameterException(
          spec.commandLine(),
          role == Role.AGENT
              ? "--role agent needs --node ID: an agent speaks for the node its certificate names"
              : "--node goes with --role agent alone");
    }
    boolean isOneNode = nodes.size() == 1 && !nodes.getFirst().equals(NodeNames.ANY);
    String usual = isOneNode ? nodes.getFirst() : role.name().toLowerCase(Locale.ROOT);
    String name = stem == null ? usual : stem;
    Authority authority = Authority.open(directory, Clock.systemUTC());
    if (role == Role.AGENT) {
      authority.issueAgent(name, nodes, hosts);
    } else {
      authority.issue(name, role, hosts);
    }
    for (String file : List.of("ca.pem", name + ".pem", name + ".key")) {
      spec.commandLine().getOut().println(directory.resolve(file));
    }
    return 0;
  }
}
