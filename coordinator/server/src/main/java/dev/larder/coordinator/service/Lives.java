package dev.larder.coordinator.service;

import dev.larder.coordinator.api.ConnectionLife;
import dev.larder.coordinator.api.TlsMaterial;
import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.ServerTransportFilter;
import java.net.SocketAddress;
import java.util.function.Consumer;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/** Keeps with each connection of the door what its other end proved. */
final class Lives extends ServerTransportFilter {
  /** Where a call finds its connection's. */
  static final Attributes.Key<ConnectionLife> KEY = Attributes.Key.create("larder-life");

  private final TlsMaterial tls;
  private final Consumer<SocketAddress> proved;

  /**
   * Of a door.
   *
   * @param proved told of each connection whose handshake is over; must not block
   */
  Lives(TlsMaterial tls, Consumer<SocketAddress> proved) {
    this.tls = tls;
    this.proved = proved;
  }

  @Override
  public Attributes transportReady(Attributes attributes) {
    SocketAddress remote = attributes.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
    if (remote != null) {
      proved.accept(remote);
    }
    @Nullable SSLSession session = attributes.get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
    return session == null
        ? attributes
        : attributes.toBuilder().set(KEY, ConnectionLife.ofServed(() -> tls, session)).build();
  }
}
