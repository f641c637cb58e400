package dev.larder.coordinator.api;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.List;

/** Whether TLS files belong together, asked before the other side refuses them. Any thread. */
final class TlsChecks {
  private static final byte[] PROBE = "larder".getBytes(StandardCharsets.US_ASCII);

  private TlsChecks() {}

  /** Whether what the private key signs is good for the public one. */
  static boolean isPair(PrivateKey secret, PublicKey open) throws GeneralSecurityException {
    if (!secret.getAlgorithm().equals(open.getAlgorithm())) {
      return false;
    }
    Signature signature =
        Signature.getInstance(
            secret.getAlgorithm().equals("EC") ? "SHA256withECDSA" : "SHA256withRSA");
    signature.initSign(secret);
    signature.update(PROBE);
    byte[] signed = signature.sign();
    signature.initVerify(open);
    signature.update(PROBE);
    return signature.verify(signed);
  }

  /**
   * Whether signatures lead from the first certificate to an authority; dates are not looked at.
   */
  static boolean isSigned(List<Certificate> chain, List<Certificate> authorities) {
    for (int i = 0; i < chain.size(); i++) {
      Certificate one = chain.get(i);
      if (authorities.stream().anyMatch(ca -> ca.equals(one) || isSignedBy(one, ca))) {
        return true;
      }
      if (i + 1 < chain.size() && !isSignedBy(one, chain.get(i + 1))) {
        return false;
      }
    }
    return false;
  }

  private static boolean isSignedBy(Certificate one, Certificate issuer) {
    if (one instanceof X509Certificate child
        && issuer instanceof X509Certificate parent
        && !child.getIssuerX500Principal().equals(parent.getSubjectX500Principal())) {
      return false;
    }
    try {
      one.verify(issuer.getPublicKey());
      return true;
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /** What a file holds, for people; nothing of its content. */
  static String content(Path file) {
    String text;
    try {
      text = Files.readString(file, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "nothing readable";
    }
    if (text.isBlank()) {
      return "nothing";
    }
    if (text.contains("PRIVATE KEY-----")) {
      return text.contains("-----BEGIN PRIVATE KEY-----")
          ? "a private key"
          : "a private key of another form";
    }
    return text.contains("-----BEGIN CERTIFICATE-----") ? "a certificate" : "something else";
  }
}
