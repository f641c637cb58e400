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
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Instant;
import java.util.Locale;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.operator.OperatorCreationException;

/**
 * The certificate authority of development mode: made at each start, it signs one certificate per
 * role for this host's loopback names and forgets its own key, so nothing on the disk can make
 * another identity.
 *
 * <p>Files: {@code ca.pem} and per role {@code <role>.pem}, {@code <role>.key}; directory 0700,
 * files 0600. <b>Errors:</b> STORE_UNUSABLE naming the directory.
 */
public final class DevCa {
  private final Path directory;

  private DevCa(Path directory) {
    this.directory = directory;
  }

  /** Makes a new authority and certificates in a directory, over those that were there. */
  public static DevCa create(Path directory, Clock clock) {
    try {
      Files.createDirectories(directory);
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
      SecureRandom random = new SecureRandom();
      KeyPair caKeys = X509.keys(random);
      Instant now = clock.instant();
      X509Certificate ca =
          X509.authority(
              new X500Name("CN=larder development authority"), caKeys, now, X509.VALID, random);
      for (Role role : Role.values()) {
        KeyPair keys = X509.keys(random);
        X509Certificate certificate =
            X509.identity(role, X509.LOOPBACK, keys, caKeys.getPrivate(), ca, now, random);
        X509.write(
            directory.resolve(name(role) + ".key"), "PRIVATE KEY", keys.getPrivate().getEncoded());
        X509.write(directory.resolve(name(role) + ".pem"), "CERTIFICATE", certificate.getEncoded());
      }
      X509.write(directory.resolve("ca.pem"), "CERTIFICATE", ca.getEncoded());
      return new DevCa(directory);
    } catch (IOException | GeneralSecurityException | OperatorCreationException e) {
      throw new LarderException(
          ErrorCode.STORE_UNUSABLE,
          "development certificates cannot be made in " + directory + ": " + e.getMessage(),
          e);
    }
  }

  /** What a process of a role shows, and whom it trusts: all roles of this authority. */
  public TlsMaterial material(Role role) {
    return TlsFiles.read(
        directory.resolve(name(role) + ".key"),
        directory.resolve(name(role) + ".pem"),
        directory.resolve("ca.pem"));
  }

  private static String name(Role role) {
    return role.name().toLowerCase(Locale.ROOT);
  }
}
