package dev.larder.coordinator.api;

import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * What the other end of one connection proved at its handshake, and whether that still holds: its
 * certificates run out, and an authority may be trusted no more. TLS itself never looks again.
 *
 * <p>Whoever asks makes a connection anew a little sooner than whoever serves would end it, so that
 * no request meets a closed one.
 *
 * <p><b>Threads:</b> any.
 */
public final class ConnectionLife {
  /** A chain is checked against the present trust so often at most, as that takes a signature. */
  private static final long CHECK_NANOS = 2_000_000_000L;

  private final Supplier<TlsMaterial> material;
  private final X509Certificate[] chain;
  private final @Nullable X509Certificate own;
  private final boolean isServing;
  private final Instant end;
  private final long bornNanos = System.nanoTime();
  private final long ageNanos;
  private volatile long checkedNanos;
  private volatile boolean isTrusted = true;
  private volatile boolean isOwnShown = true;
  private volatile long endedNanos;

  private ConnectionLife(Supplier<TlsMaterial> material, SSLSession session, boolean isServing) {
    this.material = material;
    this.isServing = isServing;
    // Who asks may see it late, when files were read again since.
    this.checkedNanos = isServing ? bornNanos : bornNanos - CHECK_NANOS;
    this.chain = chain(session);
    this.own = own(session);
    this.end =
        Arrays.stream(chain)
            .map(each -> each.getNotAfter().toInstant())
            .min(Instant::compareTo)
            .orElse(Instant.MAX);
    long most = material.get().bounds().ageMax().toNanos();
    double part = ThreadLocalRandom.current().nextDouble(0.1);
    this.ageNanos = (long) (most * (isServing ? 0.9 + part : 0.7 + part));
  }

  /** Of a connection that was taken; its handshake is done. */
  public static ConnectionLife ofServed(Supplier<TlsMaterial> material, SSLSession session) {
    return new ConnectionLife(material, session, true);
  }

  /** Of a connection that was made; its handshake is done. */
  public static ConnectionLife ofAsking(Supplier<TlsMaterial> material, SSLSession session) {
    return new ConnectionLife(material, session, false);
  }

  /** Whether what the other end proved still holds. */
  public boolean isTrusted() {
    if (isTrusted) {
      long now = System.nanoTime();
      boolean isCheckDue = now - checkedNanos >= CHECK_NANOS;
      if (isCheckDue) {
        checkedNanos = now;
      }
      if (Instant.now().isAfter(end) || (isCheckDue && !isStillTrusted())) {
        endedNanos = now;
        isTrusted = false;
      }
    }
    return isTrusted;
  }

  /** Whether the next request needs another connection. */
  public boolean isDue() {
    return !isTrusted() || !isOwnShown || System.nanoTime() - bornNanos >= ageNanos;
  }

  /** As {@link #isDue}, by what is trusted and shown now: what was refused may be due since. */
  boolean isDueNow() {
    checkedNanos = System.nanoTime() - CHECK_NANOS;
    return isDue();
  }

  /** Whether trust ended so long ago that nothing more may go out, not even what was begun. */
  public boolean isOver() {
    return !isTrusted()
        && System.nanoTime() - endedNanos >= material.get().bounds().grace().toNanos();
  }

  private boolean isStillTrusted() {
    TlsMaterial now = material.get();
    if (!isServing && own != null) {
      // What replaced it counts for new connections only.
      isOwnShown = now.certificate().filter(own::equals).isPresent();
    }
    X509ExtendedTrustManager trust = now.trust();
    try {
      if (chain.length == 0) {
        return false;
      }
      if (isServing) {
        trust.checkClientTrusted(chain, chain[0].getPublicKey().getAlgorithm());
      } else {
        trust.checkServerTrusted(chain, "UNKNOWN");
      }
      return true;
    } catch (CertificateException e) {
      return false;
    }
  }

  private static X509Certificate[] chain(SSLSession session) {
    try {
      return Arrays.stream(session.getPeerCertificates())
          .filter(X509Certificate.class::isInstance)
          .map(X509Certificate.class::cast)
          .toArray(X509Certificate[]::new);
    } catch (SSLPeerUnverifiedException e) {
      return new X509Certificate[0];
    }
  }

  private static @Nullable X509Certificate own(SSLSession session) {
    return Optional.ofNullable(session.getLocalCertificates())
        .filter(shown -> shown.length > 0 && shown[0] instanceof X509Certificate)
        .map(shown -> (X509Certificate) shown[0])
        .orElse(null);
  }
}
