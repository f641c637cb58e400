package dev.larder.coordinator.api;

import java.security.cert.Certificate;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;

/** What the certificate at the other end says: a role, and the nodes it speaks for. */
public record Identity(Optional<Role> role, NodeNames nodes) {
  /** Of whoever showed no certificate. */
  public static final Identity NONE = new Identity(Optional.empty(), NodeNames.NONE);

  private static final int SAN_URI = 6;

  /** What a certificate says, whoever signed it. */
  public static Identity of(X509Certificate certificate) {
    return new Identity(Role.of(certificate), NodeNames.of(certificate));
  }

  /** Who is at the other end of a connection whose handshake is done. */
  public static Identity of(SSLSession session) {
    try {
      Certificate[] chain = session.getPeerCertificates();
      return chain.length > 0 && chain[0] instanceof X509Certificate own ? of(own) : NONE;
    } catch (SSLPeerUnverifiedException e) {
      return NONE;
    }
  }

  /** URIs among the subject alternative names; none where those cannot be read. */
  static List<String> uris(X509Certificate certificate) {
    Collection<List<?>> names;
    try {
      names = certificate.getSubjectAlternativeNames();
    } catch (CertificateParsingException e) {
      return List.of();
    }
    return names == null
        ? List.of()
        : names.stream()
            .filter(name -> Integer.valueOf(SAN_URI).equals(name.get(0)))
            .map(name -> String.valueOf(name.get(1)))
            .toList();
  }
}
