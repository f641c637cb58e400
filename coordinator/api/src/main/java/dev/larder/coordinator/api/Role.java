package dev.larder.coordinator.api;

import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Who stands at the other end of a connection, told by a URI in the certificate's subject
 * alternative names: {@code larder://role/agent}. One certificate carries one role.
 */
public enum Role {
  /** A node's daemon. */
  AGENT,
  /** One of the coordinators. */
  COORDINATOR,
  /** A person or a program that neither stores nor coordinates. */
  CLIENT;

  private static final String PREFIX = "larder://role/";

  /** The URI that stands for this role in certificates. */
  public String uri() {
    return PREFIX + name().toLowerCase(Locale.ROOT);
  }

  /** The role a certificate carries; empty for none, an unknown one, or more than one. */
  public static Optional<Role> of(X509Certificate certificate) {
    List<String> uris =
        Identity.uris(certificate).stream().filter(uri -> uri.startsWith(PREFIX)).toList();
    if (uris.size() != 1) {
      return Optional.empty();
    }
    for (Role role : values()) {
      if (role.uri().equals(uris.getFirst())) {
        return Optional.of(role);
      }
    }
    return Optional.empty();
  }
}
