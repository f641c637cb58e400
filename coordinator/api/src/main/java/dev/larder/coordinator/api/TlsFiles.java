package dev.larder.coordinator.api;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Reads TLS material from PEM files: a PKCS#8 EC or RSA key, its certificate chain, and the
 * authorities to trust.
 *
 * <p><b>Errors:</b> BAD_CONFIG naming the file.
 */
public final class TlsFiles {
  private static final char[] NO_PASSWORD = new char[0];

  /**
   * It is in memory only. PKCS12 would derive a key from the password twice, 10,000 rounds each,
   * while readers wait for an agent that starts.
   */
  private static final String STORE_TYPE = "JKS";

  private TlsFiles() {}

  /**
   * Reads all three files, {@code tls.key}, {@code tls.certificate} and {@code tls.ca}; the key
   * must be the certificate's.
   */
  public static TlsMaterial read(Path key, Path chain, Path authorities) {
    try {
      KeyStore own = emptyStore();
      PrivateKey secret = named("tls.key", key, () -> privateKey(key));
      List<Certificate> shown = named("tls.certificate", chain, () -> certificates(chain));
      List<Certificate> trusts = named("tls.ca", authorities, () -> certificates(authorities));
      if (!TlsChecks.isPair(secret, shown.getFirst().getPublicKey())) {
        throw new LarderException(
            ErrorCode.BAD_CONFIG,
            "tls.key: "
                + key
                + " is not the key of the certificate in "
                + chain
                + " (tls.certificate)");
      }
      own.setKeyEntry("own", secret, NO_PASSWORD, shown.toArray(new Certificate[0]));
      KeyManagerFactory keys =
          KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      keys.init(own, NO_PASSWORD);
      KeyStore trusted = emptyStore();
      int number = 0;
      for (Certificate authority : trusts) {
        trusted.setCertificateEntry("ca-" + number++, authority);
      }
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(trusted);
      return new TlsMaterial(keyManager(keys.getKeyManagers()), trustManager(trust));
    } catch (GeneralSecurityException | IOException e) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          "TLS material in " + key.getParent() + " cannot be used: " + e.getMessage(),
          e);
    }
  }

  /**
   * The same for a process's own files, whose certificate must be of one of the authorities it
   * trusts: what it shows would be refused by all who trust the same.
   */
  static TlsMaterial readOwn(Path key, Path chain, Path authorities) {
    TlsMaterial material = read(key, chain, authorities);
    try {
      if (!TlsChecks.isSigned(certificates(chain), certificates(authorities))) {
        throw new LarderException(
            ErrorCode.BAD_CONFIG,
            "tls.certificate: "
                + chain
                + " is not signed by an authority of "
                + authorities
                + " (tls.ca)");
      }
    } catch (GeneralSecurityException | IOException e) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "tls.certificate: " + chain + ": " + e.getMessage(), e);
    }
    return material;
  }

  @FunctionalInterface
  private interface Reading<T> {
    T read() throws GeneralSecurityException, IOException;
  }

  private static <T> T named(String setting, Path file, Reading<T> reading) {
    String fault;
    Exception cause;
    try {
      return reading.read();
    } catch (NoSuchFileException e) {
      fault = file + " does not exist";
      cause = e;
    } catch (AccessDeniedException e) {
      fault = file + " may not be read by this user";
      cause = e;
    } catch (IOException e) {
      fault = file + " cannot be read: " + e.getMessage();
      cause = e;
    } catch (GeneralSecurityException e) {
      String must =
          setting.equals("tls.key")
              ? "one PEM private key, unencrypted PKCS#8 (BEGIN PRIVATE KEY), EC or RSA"
              : "PEM certificates (BEGIN CERTIFICATE)";
      fault = file + " must hold " + must + " and holds " + TlsChecks.content(file);
      cause = e;
    }
    throw new LarderException(ErrorCode.BAD_CONFIG, setting + ": " + fault, cause);
  }

  private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance(STORE_TYPE);
    store.load(null, NO_PASSWORD);
    return store;
  }

  private static X509ExtendedKeyManager keyManager(KeyManager[] managers) {
    for (KeyManager manager : managers) {
      if (manager instanceof X509ExtendedKeyManager x509) {
        return x509;
      }
    }
    throw new LarderException(ErrorCode.INTERNAL, "this Java has no X.509 key manager");
  }

  private static X509ExtendedTrustManager trustManager(TrustManagerFactory factory) {
    for (TrustManager manager : factory.getTrustManagers()) {
      if (manager instanceof X509ExtendedTrustManager x509) {
        return x509;
      }
    }
    throw new LarderException(ErrorCode.INTERNAL, "this Java has no X.509 trust manager");
  }

  private static List<Certificate> certificates(Path file)
      throws GeneralSecurityException, IOException {
    Collection<? extends Certificate> read =
        CertificateFactory.getInstance("X.509")
            .generateCertificates(new ByteArrayInputStream(Files.readAllBytes(file)));
    if (read.isEmpty()) {
      throw new GeneralSecurityException(file + " holds no certificate");
    }
    return new ArrayList<>(read);
  }

  /** The first certificate of a PEM file. */
  public static X509Certificate certificate(Path file)
      throws GeneralSecurityException, IOException {
    if (certificates(file).getFirst() instanceof X509Certificate x509) {
      return x509;
    }
    throw new GeneralSecurityException(file + " holds no X.509 certificate");
  }

  /** A PKCS#8 key, EC or RSA, of a PEM file. */
  public static PrivateKey privateKey(Path file) throws GeneralSecurityException, IOException {
    String pem = Files.readString(file);
    String begin = "-----BEGIN PRIVATE KEY-----";
    int from = pem.indexOf(begin);
    int to = pem.indexOf("-----END PRIVATE KEY-----");
    if (from < 0 || to < from) {
      throw new GeneralSecurityException(file + " holds no PKCS#8 private key");
    }
    byte[] der;
    try {
      der = Base64.getMimeDecoder().decode(pem.substring(from + begin.length(), to));
    } catch (IllegalArgumentException e) {
      throw new GeneralSecurityException(file + " is not PEM", e);
    }
    PKCS8EncodedKeySpec spec = new PKCS8EncodedKeySpec(der);
    try {
      return KeyFactory.getInstance("EC").generatePrivate(spec);
    } catch (GeneralSecurityException notEc) {
      try {
        return KeyFactory.getInstance("RSA").generatePrivate(spec);
      } catch (GeneralSecurityException notRsa) {
        notRsa.addSuppressed(notEc);
        throw new GeneralSecurityException(file + " holds neither an EC nor an RSA key", notRsa);
      }
    }
  }
}
