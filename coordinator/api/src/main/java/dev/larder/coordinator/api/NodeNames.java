package dev.larder.coordinator.api;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.security.cert.X509Certificate;
import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The nodes a certificate may speak for, told by URIs in its subject alternative names: {@code
 * larder://node/ID} with the member's id, or {@code larder://node/*} for all of them, which only
 * those believe whose {@code tls.shared-nodes} is on.
 *
 * @param ids the members named one by one
 * @param isShared whether the certificate claims to stand for every node
 */
public record NodeNames(Set<String> ids, boolean isShared) {
  /** In place of an id: every node. */
  public static final String ANY = "*";

  /** Of a certificate that names no node. */
  public static final NodeNames NONE = new NodeNames(Set.of(), false);

  private static final String PREFIX = "larder://node/";
  // None of them means anything else in a URI, so nothing is escaped.
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9._-]{1,128}");

  /** Takes a copy, in order. */
  public NodeNames {
    ids = Collections.unmodifiableSet(new TreeSet<>(ids));
  }

  /**
   * The URI that stands for a node in certificates.
   *
   * @param id a member's id, or {@link #ANY}
   * @throws LarderException BAD_CONFIG for what can be no member's id
   */
  public static String uri(String id) {
    if (!id.equals(ANY) && !ID.matcher(id).matches()) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          "a node's id must be 1 to 128 letters, digits, '.', '_' or '-': \"" + id + "\"");
    }
    return PREFIX + id;
  }

  /** Those a certificate names; what is no id is passed over. */
  public static NodeNames of(X509Certificate certificate) {
    Set<String> ids = new TreeSet<>();
    boolean isShared = false;
    for (String uri : Identity.uris(certificate)) {
      if (uri.startsWith(PREFIX)) {
        String id = uri.substring(PREFIX.length());
        isShared |= id.equals(ANY);
        if (ID.matcher(id).matches()) {
          ids.add(id);
        }
      }
    }
    return new NodeNames(ids, isShared);
  }

  /**
   * Whether who shows the certificate may speak for a node.
   *
   * @param believesShared {@code tls.shared-nodes} of this side
   */
  public boolean names(String id, boolean believesShared) {
    return ids.contains(id) || (isShared && believesShared);
  }

  /** For people: why the certificate does not speak for a node, and what would. */
  public String refusal(String id) {
    String has =
        isShared
            ? "names all nodes, which is believed only where tls.shared-nodes is on"
            : ids.isEmpty() ? "names no node" : "names " + String.join(", ", ids);
    return "the certificate does not speak for node \""
        + id
        + "\": it "
        + has
        + ". Among its subject alternative names must be the URI "
        + PREFIX
        + id
        + " (larder certs DIR --role agent --node "
        + id
        + ")";
  }
}
