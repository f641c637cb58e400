package dev.larder.agent.peer;

import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.RoleTrust;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.security.GeneralSecurityException;
import java.util.Set;
import java.util.function.Supplier;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;

/**
 * TLS 1.3 among agents, certificates required on both sides. Who is at the other end is told by the
 * role in a certificate of the cluster's authority, not by its host name: members move. Any thread.
 */
final class PeerTls {
  private static final String[] PROTOCOLS = {"TLSv1.3"};

  /** The shorter key first: as safe here, and fewer rounds for each block. */
  private static final String[] CIPHERS = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"};

  private final Supplier<TlsMaterial> material;

  /** Asks for the material at each handshake. */
  PeerTls(Supplier<TlsMaterial> material) {
    this.material = material;
  }

  SSLEngine serverEngine() {
    SSLEngine engine = context().createSSLEngine();
    engine.setUseClientMode(false);
    SSLParameters parameters = engine.getSSLParameters();
    parameters.setNeedClientAuth(true);
    parameters.setProtocols(PROTOCOLS);
    parameters.setCipherSuites(CIPHERS);
    engine.setSSLParameters(parameters);
    return engine;
  }

  SSLSocketFactory sockets() {
    return context().getSocketFactory();
  }

  /** What a client's socket offers. */
  static void limit(SSLSocket socket) {
    socket.setEnabledProtocols(PROTOCOLS);
    socket.setEnabledCipherSuites(CIPHERS);
  }

  /** A context of its own for each handshake: one that were kept would resume old sessions. */
  private SSLContext context() {
    TlsMaterial now = RoleTrust.restrict(material.get(), Set.of(Role.AGENT));
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(new KeyManager[] {now.keys()}, new TrustManager[] {now.trust()}, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "TLS between peers cannot be set up: " + e.getMessage(), e);
    }
  }
}
