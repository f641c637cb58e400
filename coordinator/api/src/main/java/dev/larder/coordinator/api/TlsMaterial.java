package dev.larder.coordinator.api;

import java.security.cert.X509Certificate;
import java.util.Optional;
import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * What one end of a mutual TLS connection shows and trusts. The managers are asked at each
 * handshake, so an implementation that loads new files behind them takes effect without a restart.
 *
 * @param believesShared {@code tls.shared-nodes}: whether a certificate that names all nodes is
 *     believed, see {@link NodeNames}
 * @param bounds how long what it proves is believed
 */
public record TlsMaterial(
    X509ExtendedKeyManager keys,
    X509ExtendedTrustManager trust,
    boolean believesShared,
    ConnectionBounds bounds) {
  /** What believes no certificate that names all nodes. */
  public TlsMaterial(X509ExtendedKeyManager keys, X509ExtendedTrustManager trust) {
    this(keys, trust, false, ConnectionBounds.defaults());
  }

  /** The same, believing certificates that name all nodes or not. */
  public TlsMaterial believingShared(boolean believes) {
    return new TlsMaterial(keys, trust, believes, bounds);
  }

  /** The same, believed as long as these bounds say. */
  public TlsMaterial bounded(ConnectionBounds other) {
    return new TlsMaterial(keys, trust, believesShared, other);
  }

  /** The certificate that is shown now; empty where this shows none. */
  public Optional<X509Certificate> certificate() {
    String alias = keys.chooseEngineClientAlias(new String[] {"EC", "RSA"}, null, null);
    X509Certificate[] chain = alias == null ? null : keys.getCertificateChain(alias);
    return chain == null || chain.length == 0 ? Optional.empty() : Optional.of(chain[0]);
  }
}
