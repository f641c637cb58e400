package dev.larder.coordinator.api;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * TLS material of files that are looked at again: a handshake uses what stands there, without a
 * restart. Files that cannot be used are named in the log and what was read before stays. Open
 * connections look for themselves, see {@link ConnectionLife}.
 *
 * <p><b>Threads:</b> any; one of its own looks.
 */
public final class ReloadedTls implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ReloadedTls.class);

  private final Path key;
  private final Path chain;
  private final Path authorities;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("tls-files").factory());
  private volatile Loaded now;
  private volatile Loaded before;
  // The timer's own.
  private String seen;
  private @Nullable X509Certificate toldExpired;

  /** The member this process is; empty while it is none. */
  private volatile String node = "";

  private volatile boolean mayBeShared;

  private record Loaded(String alias, TlsMaterial material, X509Certificate certificate) {}

  private ReloadedTls(Path key, Path chain, Path authorities) {
    this.key = key;
    this.chain = chain;
    this.authorities = authorities;
    this.seen = stamps();
    this.now = read(0);
    this.before = now;
  }

  /**
   * Reads the files and goes on looking.
   *
   * @throws LarderException BAD_CONFIG naming the file
   */
  public static ReloadedTls open(Path key, Path chain, Path authorities, Duration every) {
    ReloadedTls tls = new ReloadedTls(key, chain, authorities);
    long millis = Math.max(1, every.toMillis());
    tls.timer.scheduleWithFixedDelay(tls::look, millis, millis, TimeUnit.MILLISECONDS);
    return tls;
  }

  private Loaded read(int number) {
    TlsMaterial material = TlsFiles.readOwn(key, chain, authorities);
    try {
      return new Loaded("own-" + number, material, TlsFiles.certificate(chain));
    } catch (GeneralSecurityException | IOException e) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "tls.certificate: " + chain + ": " + e.getMessage(), e);
    }
  }

  /** The certificate that is shown now. */
  public X509Certificate certificate() {
    return now.certificate();
  }

  /**
   * Has the certificate speak for a member from now on: one that is read later and does not is
   * passed over.
   *
   * @param believesShared whether it may name all nodes instead
   * @throws LarderException BAD_CONFIG saying what the certificate lacks
   */
  public void requireNode(String id, boolean believesShared) {
    checkNode(now, id, believesShared);
    mayBeShared = believesShared;
    node = id;
  }

  private void checkNode(Loaded loaded, String id, boolean believesShared) {
    NodeNames names = NodeNames.of(loaded.certificate());
    if (!names.names(id, believesShared)) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "tls.certificate: " + chain + ": " + names.refusal(id));
    }
  }

  /** Managers that answer from the newest files. */
  public TlsMaterial material() {
    return new TlsMaterial(new Keys(), new Trust());
  }

  private void look() {
    tellExpired();
    String stamps = stamps();
    if (stamps.equals(seen)) {
      return;
    }
    seen = stamps;
    try {
      Loaded old = now;
      Loaded next = read(Integer.parseInt(old.alias().substring("own-".length())) + 1);
      String self = node;
      if (!self.isEmpty()) {
        checkNode(next, self, mayBeShared);
      }
      before = old;
      now = next;
      log.info("TLS files read again certificate={}", chain);
    } catch (RuntimeException e) {
      log.error("TLS files changed and cannot be used; what was read before stays", e);
    }
  }

  private void tellExpired() {
    X509Certificate shown = now.certificate();
    boolean isOver = Instant.now().isAfter(shown.getNotAfter().toInstant());
    if (isOver && !shown.equals(toldExpired)) {
      toldExpired = shown;
      log.error(
          "tls.certificate has expired: who connects anew is refused; renew it certificate={}"
              + " expired={}",
          chain,
          shown.getNotAfter().toInstant());
    }
  }

  /** What changes when a file does; symbolic links are followed, as volumes swap those. */
  private String stamps() {
    StringBuilder text = new StringBuilder();
    for (Path file : List.of(key, chain, authorities)) {
      try {
        text.append(file.toRealPath())
            .append(Files.getLastModifiedTime(file).toInstant())
            .append(Files.size(file));
      } catch (IOException e) {
        text.append("unreadable");
      }
      text.append('\n');
    }
    return text.toString();
  }

  /** Looks no more; what was read stays usable. */
  @Override
  public void close() {
    timer.shutdownNow();
  }

  /** The alias names what was read, so that a handshake never mixes an old key and a new chain. */
  private final class Keys extends X509ExtendedKeyManager {
    private static @Nullable String alias(Loaded loaded, @Nullable String inner) {
      return inner == null ? null : loaded.alias() + ':' + inner;
    }

    private @Nullable Loaded of(String alias) {
      String name = alias.substring(0, Math.max(0, alias.indexOf(':')));
      Loaded first = now;
      Loaded second = before;
      return name.equals(first.alias()) ? first : name.equals(second.alias()) ? second : null;
    }

    private static String inner(String alias) {
      return alias.substring(alias.indexOf(':') + 1);
    }

    @Override
    public String @Nullable [] getClientAliases(String type, Principal @Nullable [] issuers) {
      return null;
    }

    @Override
    public @Nullable String chooseClientAlias(
        String[] types, Principal @Nullable [] issuers, @Nullable Socket socket) {
      Loaded loaded = now;
      return alias(loaded, loaded.material().keys().chooseClientAlias(types, issuers, socket));
    }

    @Override
    public @Nullable String chooseEngineClientAlias(
        String[] types, Principal @Nullable [] issuers, @Nullable SSLEngine engine) {
      Loaded loaded = now;
      return alias(
          loaded, loaded.material().keys().chooseEngineClientAlias(types, issuers, engine));
    }

    @Override
    public String @Nullable [] getServerAliases(String type, Principal @Nullable [] issuers) {
      return null;
    }

    @Override
    public @Nullable String chooseServerAlias(
        String type, Principal @Nullable [] issuers, @Nullable Socket socket) {
      Loaded loaded = now;
      return alias(loaded, loaded.material().keys().chooseServerAlias(type, issuers, socket));
    }

    @Override
    public @Nullable String chooseEngineServerAlias(
        String type, Principal @Nullable [] issuers, @Nullable SSLEngine engine) {
      Loaded loaded = now;
      return alias(loaded, loaded.material().keys().chooseEngineServerAlias(type, issuers, engine));
    }

    @Override
    public X509Certificate @Nullable [] getCertificateChain(String alias) {
      Loaded loaded = of(alias);
      return loaded == null ? null : loaded.material().keys().getCertificateChain(inner(alias));
    }

    @Override
    public @Nullable PrivateKey getPrivateKey(String alias) {
      Loaded loaded = of(alias);
      return loaded == null ? null : loaded.material().keys().getPrivateKey(inner(alias));
    }
  }

  private final class Trust extends X509ExtendedTrustManager {
    private X509ExtendedTrustManager trust() {
      return now.material().trust();
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
        throws CertificateException {
      trust().checkClientTrusted(chain, type, socket);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
        throws CertificateException {
      trust().checkServerTrusted(chain, type, socket);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
        throws CertificateException {
      trust().checkClientTrusted(chain, type, engine);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
        throws CertificateException {
      trust().checkServerTrusted(chain, type, engine);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type)
        throws CertificateException {
      trust().checkClientTrusted(chain, type);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type)
        throws CertificateException {
      trust().checkServerTrusted(chain, type);
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return trust().getAcceptedIssuers();
    }
  }
}
