package dev.larder.coordinator.tls;

import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsFiles;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.operator.OperatorCreationException;

/**
 * A certificate authority in a directory, for clusters that have none: its key stays there, so who
 * reads {@code ca.key} can make any identity. Keep it off the nodes; they need {@code ca.pem},
 * their certificate and its key.
 *
 * <p><b>Errors:</b> STORE_UNUSABLE naming the directory, BAD_CONFIG for files that cannot be read.
 */
public final class Authority {
  private static final Duration VALID = Duration.ofDays(3650);

  private final Path directory;
  private final Clock clock;

  private Authority(Path directory, Clock clock) {
    this.directory = directory;
    this.clock = clock;
  }

  /** The authority of a directory, made if there is none. */
  public static Authority open(Path directory, Clock clock) {
    Authority authority = new Authority(directory, clock);
    boolean hasKey = Files.exists(directory.resolve("ca.key"));
    if (hasKey != Files.exists(directory.resolve("ca.pem"))) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          directory + " has only one of ca.key and ca.pem; both belong together");
    }
    if (!hasKey) {
      authority.make();
    }
    return authority;
  }

  /**
   * Makes a certificate for a role and these host names and addresses, over one of the same name.
   *
   * @param name of the files: {@code <name>.pem} and {@code <name>.key}
   */
  public void issue(String name, Role role, List<String> hosts) {
    issue(name, role, List.of(), hosts);
  }

  /**
   * The same for an agent.
   *
   * @param nodes the members it speaks for, see {@link dev.larder.coordinator.api.NodeNames}
   */
  public void issueAgent(String name, List<String> nodes, List<String> hosts) {
    issue(name, Role.AGENT, nodes, hosts);
  }

  private void issue(String name, Role role, List<String> nodes, List<String> hosts) {
    try {
      SecureRandom random = new SecureRandom();
      KeyPair keys = X509.keys(random);
      X509Certificate certificate =
          X509.identity(
              role,
              nodes,
              hosts,
              keys,
              TlsFiles.privateKey(directory.resolve("ca.key")),
              TlsFiles.certificate(directory.resolve("ca.pem")),
              clock.instant(),
              random);
      X509.write(directory.resolve(name + ".key"), "PRIVATE KEY", keys.getPrivate().getEncoded());
      X509.write(directory.resolve(name + ".pem"), "CERTIFICATE", certificate.getEncoded());
    } catch (IOException
        | GeneralSecurityException
        | OperatorCreationException
        | IllegalArgumentException e) {
      throw fault(e);
    }
  }

  private void make() {
    try {
      Files.createDirectories(directory);
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
      SecureRandom random = new SecureRandom();
      KeyPair keys = X509.keys(random);
      X509Certificate ca =
          X509.authority(new X500Name("CN=larder authority"), keys, clock.instant(), VALID, random);
      X509.write(directory.resolve("ca.key"), "PRIVATE KEY", keys.getPrivate().getEncoded());
      X509.write(directory.resolve("ca.pem"), "CERTIFICATE", ca.getEncoded());
    } catch (IOException | GeneralSecurityException | OperatorCreationException e) {
      throw fault(e);
    }
  }

  private LarderException fault(Exception e) {
    return new LarderException(
        ErrorCode.STORE_UNUSABLE,
        "certificates cannot be made in " + directory + ": " + e.getMessage(),
        e);
  }
}
