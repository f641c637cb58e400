package dev.larder.coordinator.api;

import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Set;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;

/** Trusts what another manager trusts, if the certificate also carries one of some roles. */
public final class RoleTrust extends X509ExtendedTrustManager {
  private final X509ExtendedTrustManager base;
  private final Set<Role> roles;

  private RoleTrust(X509ExtendedTrustManager base, Set<Role> roles) {
    this.base = base;
    this.roles = roles;
  }

  /** The same material, trusting these roles only. */
  public static TlsMaterial restrict(TlsMaterial material, Set<Role> roles) {
    return new TlsMaterial(
        material.keys(),
        new RoleTrust(material.trust(), Set.copyOf(roles)),
        material.believesShared(),
        material.bounds());
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
      throws CertificateException {
    base.checkClientTrusted(chain, type, socket);
    checkRole(chain);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
      throws CertificateException {
    base.checkServerTrusted(chain, type, socket);
    checkRole(chain);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
      throws CertificateException {
    base.checkClientTrusted(chain, type, engine);
    checkRole(chain);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
      throws CertificateException {
    base.checkServerTrusted(chain, type, engine);
    checkRole(chain);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
    base.checkClientTrusted(chain, type);
    checkRole(chain);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
    base.checkServerTrusted(chain, type);
    checkRole(chain);
  }

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return base.getAcceptedIssuers();
  }

  /** A certificate of a trusted authority, for something else. */
  static final class WrongRole extends CertificateException {
    private static final long serialVersionUID = 1L;

    WrongRole(String message) {
      super(message);
    }
  }

  private void checkRole(X509Certificate[] chain) throws CertificateException {
    if (chain.length == 0 || Role.of(chain[0]).filter(roles::contains).isEmpty()) {
      throw new WrongRole("the certificate carries none of the roles " + roles);
    }
  }
}
