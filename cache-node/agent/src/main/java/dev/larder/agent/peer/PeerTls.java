package dev.larder.agent.peer;

import dev.larder.coordinator.api.ConnectionLife;
import dev.larder.coordinator.api.Identity;
import dev.larder.coordinator.api.NodeNames;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.RoleTrust;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import org.jspecify.annotations.Nullable;

/**
 * TLS 1.3 among agents, certificates required on both sides. Who is at the other end is told by the
 * role and the node in a certificate of the cluster's authority, not by its host name: members
 * move. Any thread.
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

  /** Why who showed a certificate may not speak for a member; null where it may. */
  @Nullable String refusal(SSLSession session, String member) {
    NodeNames names = Identity.of(session).nodes();
    return names.names(member, material.get().believesShared()) ? null : names.refusal(member);
  }

  /** How long what a member proved to this node's door is believed. */
  ConnectionLife served(SSLSession session) {
    return ConnectionLife.ofServed(material, session);
  }

  /** How long a connection to a member's door is used. */
  ConnectionLife asking(SSLSession session) {
    return ConnectionLife.ofAsking(material, session);
  }

  /** Ends a handshake with somebody else than the member that was meant. */
  void requireMember(SSLSession session, String member) throws SSLPeerUnverifiedException {
    String refusal = refusal(session, member);
    if (refusal != null) {
      throw new SSLPeerUnverifiedException("another one answers there: " + refusal);
    }
  }

  /**
   * A number for who is at the other end: the subject and names of its certificate, which a new
   * certificate of the same identity has too. Members that share a certificate share it.
   *
   * @throws LarderException BAD_REQUEST when it showed none
   */
  static long voice(SSLSession session) {
    try {
      if (!(session.getPeerCertificates()[0] instanceof X509Certificate shown)) {
        throw new LarderException(ErrorCode.BAD_REQUEST, "a certificate of an unknown kind");
      }
      List<String> names = new ArrayList<>();
      Collection<List<?>> alternatives = shown.getSubjectAlternativeNames();
      if (alternatives != null) {
        alternatives.forEach(each -> names.add(String.valueOf(each)));
      }
      Collections.sort(names);
      String identity = shown.getSubjectX500Principal().getName() + names;
      byte[] digest = Digests.ofBytes(identity.getBytes(StandardCharsets.UTF_8)).bytes();
      // Not 0, which is nobody's.
      return ByteBuffer.wrap(digest).getLong() | 1;
    } catch (SSLPeerUnverifiedException | CertificateParsingException e) {
      throw new LarderException(ErrorCode.BAD_REQUEST, "no certificate of the member is known", e);
    }
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
