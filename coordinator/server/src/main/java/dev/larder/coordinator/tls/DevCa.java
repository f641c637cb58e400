package dev.larder.coordinator.tls;

import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsFiles;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * The certificate authority of development mode: made at each start, it signs one certificate per
 * role for this host's loopback names and forgets its own key, so nothing on the disk can make
 * another identity.
 *
 * <p>Files: {@code ca.pem} and per role {@code <role>.pem}, {@code <role>.key}; directory 0700,
 * files 0600. <b>Errors:</b> STORE_UNUSABLE naming the directory.
 */
public final class DevCa {
  private static final Duration VALID = Duration.ofDays(365);
  // Clocks of containers on one host differ by little; a certificate from the future is refused.
  private static final Duration BACKDATED = Duration.ofHours(1);
  private static final String SIGNATURE = "SHA256withECDSA";

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
      KeyPair caKeys = keys(random);
      X500Name caName = new X500Name("CN=larder development authority");
      Instant now = clock.instant();
      X509Certificate ca = authority(caName, caKeys, now, random);
      for (Role role : Role.values()) {
        KeyPair keys = keys(random);
        X509Certificate certificate = identity(role, keys, caName, caKeys, ca, now, random);
        write(
            directory.resolve(name(role) + ".key"), "PRIVATE KEY", keys.getPrivate().getEncoded());
        write(directory.resolve(name(role) + ".pem"), "CERTIFICATE", certificate.getEncoded());
      }
      write(directory.resolve("ca.pem"), "CERTIFICATE", ca.getEncoded());
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

  private static X509Certificate authority(
      X500Name name, KeyPair keys, Instant now, SecureRandom random)
      throws GeneralSecurityException, OperatorCreationException, CertIOException {
    X509v3CertificateBuilder builder =
        new JcaX509v3CertificateBuilder(
            name, serial(random), from(now), to(now), name, keys.getPublic());
    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(0));
    builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign));
    return sign(builder, keys);
  }

  private static X509Certificate identity(
      Role role,
      KeyPair keys,
      X500Name caName,
      KeyPair caKeys,
      X509Certificate ca,
      Instant now,
      SecureRandom random)
      throws GeneralSecurityException, OperatorCreationException, CertIOException {
    X509v3CertificateBuilder builder =
        new JcaX509v3CertificateBuilder(
            caName,
            serial(random),
            from(now),
            Date.from(ca.getNotAfter().toInstant()),
            new X500Name("CN=larder " + name(role)),
            keys.getPublic());
    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(false));
    builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature));
    builder.addExtension(
        Extension.extendedKeyUsage,
        false,
        new ExtendedKeyUsage(
            new KeyPurposeId[] {KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth}));
    List<GeneralName> names = new ArrayList<>();
    names.add(new GeneralName(GeneralName.uniformResourceIdentifier, role.uri()));
    names.add(new GeneralName(GeneralName.dNSName, "localhost"));
    names.add(new GeneralName(GeneralName.iPAddress, "127.0.0.1"));
    names.add(new GeneralName(GeneralName.iPAddress, "::1"));
    builder.addExtension(
        Extension.subjectAlternativeName,
        false,
        new GeneralNames(names.toArray(new GeneralName[0])));
    return sign(builder, caKeys);
  }

  private static X509Certificate sign(X509v3CertificateBuilder builder, KeyPair signer)
      throws GeneralSecurityException, OperatorCreationException {
    return new JcaX509CertificateConverter()
        .getCertificate(
            builder.build(new JcaContentSignerBuilder(SIGNATURE).build(signer.getPrivate())));
  }

  private static KeyPair keys(SecureRandom random) throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"), random);
    return generator.generateKeyPair();
  }

  private static BigInteger serial(SecureRandom random) {
    return new BigInteger(127, random).add(BigInteger.ONE);
  }

  private static Date from(Instant now) {
    return Date.from(now.minus(BACKDATED));
  }

  private static Date to(Instant now) {
    return Date.from(now.plus(VALID));
  }

  /** Never readable by others, not even for a moment, and never half written. */
  private static void write(Path file, String kind, byte[] der) throws IOException {
    Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
    Files.deleteIfExists(temporary);
    Files.createFile(
        temporary,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
    Files.write(
        temporary,
        ("-----BEGIN " + kind + "-----\n" + body + "\n-----END " + kind + "-----\n")
            .getBytes(StandardCharsets.US_ASCII));
    Files.move(
        temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private static String name(Role role) {
    return role.name().toLowerCase(Locale.ROOT);
  }
}
