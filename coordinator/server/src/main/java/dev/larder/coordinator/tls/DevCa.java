package dev.larder.coordinator.tls;

import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsFiles;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.List;
import java.util.Locale;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.operator.OperatorCreationException;

/**
 * The certificate authority of development mode: made at each start, it signs one certificate per
 * role for this host's loopback names, and for nodes those that name them. Its own key lives in
 * this object alone, so nothing on the disk can make another identity.
 *
 * <p>Files: {@code ca.pem} and per role {@code <role>.pem}, {@code <role>.key}, per set of nodes
 * {@code node-<id>.pem}; directory 0700, files 0600. <b>Errors:</b> STORE_UNUSABLE naming the
 * directory. <b>Threads:</b> any.
 */
public final class DevCa {
  private final Path directory;
  private final Clock clock;
  private final PrivateKey key;
  private final X509Certificate certificate;

  private DevCa(Path directory, Clock clock, PrivateKey key, X509Certificate certificate) {
    this.directory = directory;
    this.clock = clock;
    this.key = key;
    this.certificate = certificate;
  }

  /** Makes a new authority and certificates in a directory, over those that were there. */
  public static DevCa create(Path directory, Clock clock) {
    try {
      Files.createDirectories(directory);
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
      SecureRandom random = new SecureRandom();
      KeyPair keys = X509.keys(random);
      X509Certificate certificate =
          X509.authority(
              new X500Name("CN=larder development authority"),
              keys,
              clock.instant(),
              X509.VALID,
              random);
      DevCa ca = new DevCa(directory, clock, keys.getPrivate(), certificate);
      for (Role role : Role.values()) {
        ca.issue(name(role), role, List.of());
      }
      X509.write(directory.resolve("ca.pem"), "CERTIFICATE", certificate.getEncoded());
      return ca;
    } catch (IOException | GeneralSecurityException | OperatorCreationException e) {
      throw fault(directory, e);
    }
  }

  /** What a process of a role shows, and whom it trusts: all roles of this authority. */
  public TlsMaterial material(Role role) {
    return read(name(role));
  }

  /**
   * What an agent shows that speaks for these nodes, made now, and whom it trusts.
   *
   * @param nodes ids, or {@link dev.larder.coordinator.api.NodeNames#ANY}
   */
  public TlsMaterial agent(String... nodes) {
    String name = "node-" + String.join("+", nodes);
    try {
      issue(name, Role.AGENT, List.of(nodes));
    } catch (IOException | GeneralSecurityException | OperatorCreationException e) {
      throw fault(directory, e);
    }
    return read(name);
  }

  private synchronized void issue(String name, Role role, List<String> nodes)
      throws IOException, GeneralSecurityException, OperatorCreationException {
    SecureRandom random = new SecureRandom();
    KeyPair keys = X509.keys(random);
    X509Certificate own =
        X509.identity(role, nodes, X509.LOOPBACK, keys, key, certificate, clock.instant(), random);
    X509.write(directory.resolve(name + ".key"), "PRIVATE KEY", keys.getPrivate().getEncoded());
    X509.write(directory.resolve(name + ".pem"), "CERTIFICATE", own.getEncoded());
  }

  private synchronized TlsMaterial read(String name) {
    return TlsFiles.read(
        directory.resolve(name + ".key"),
        directory.resolve(name + ".pem"),
        directory.resolve("ca.pem"));
  }

  private static LarderException fault(Path directory, Exception e) {
    return new LarderException(
        ErrorCode.STORE_UNUSABLE,
        "development certificates cannot be made in " + directory + ": " + e.getMessage(),
        e);
  }

  private static String name(Role role) {
    return role.name().toLowerCase(Locale.ROOT);
  }
}
