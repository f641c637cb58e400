package dev.larder.coordinator.api;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/**
 * A connection to one coordinator, which is made anew when it is old, or what either end proved is
 * over. Any thread.
 */
final class Door {
  private final String address;
  private final ManagedChannel channel;
  private final Lives lives;
  private final AtomicBoolean isPinged = new AtomicBoolean();

  /** A door whose connection is made when it is first needed. */
  Door(String address, ManagedChannel channel, Lives lives) {
    this.address = address;
    this.channel = channel;
    this.lives = lives;
  }

  /** Whether what is asked from now on needs another connection. */
  boolean isDue() {
    return lives.isDue();
  }

  /** The same, looked at anew. */
  boolean isDueNow() {
    return lives.isDueNow();
  }

  /** Whose it is: host:port. */
  String address() {
    return address;
  }

  ManagedChannel channel() {
    return channel;
  }

  /** Whether the caller is the one to ask whether it lives; who is, says {@link #answered}. */
  boolean mayPing() {
    return isPinged.compareAndSet(false, true);
  }

  /** The question whether it lives came to its end. */
  void answered() {
    isPinged.set(false);
  }

  /** Sees on each answer who is at the other end; one for each channel. */
  static final class Lives implements ClientInterceptor {
    private final Supplier<TlsMaterial> material;
    private final long bornNanos = System.nanoTime();
    private final long ageNanos;
    private volatile @Nullable Seen seen;

    private record Seen(SSLSession session, ConnectionLife life) {}

    Lives(Supplier<TlsMaterial> material) {
      this.material = material;
      double part = 0.7 + ThreadLocalRandom.current().nextDouble(0.1);
      this.ageNanos = (long) (part * material.get().bounds().ageMax().toNanos());
    }

    boolean isDue() {
      Seen now = seen;
      return System.nanoTime() - bornNanos >= ageNanos || (now != null && now.life.isDue());
    }

    boolean isDueNow() {
      Seen now = seen;
      return (now != null && now.life.isDueNow()) || isDue();
    }

    private void saw(@Nullable SSLSession session) {
      Seen now = seen;
      if (session != null && (now == null || now.session != session)) {
        seen = new Seen(session, ConnectionLife.ofAsking(material, session));
      }
    }

    @Override
    public <Q, S> ClientCall<Q, S> interceptCall(
        MethodDescriptor<Q, S> method, CallOptions options, Channel next) {
      return new SimpleForwardingClientCall<Q, S>(next.newCall(method, options)) {
        @Override
        public void start(Listener<S> listener, Metadata headers) {
          super.start(
              new SimpleForwardingClientCallListener<S>(listener) {
                @Override
                public void onHeaders(Metadata answered) {
                  saw(getAttributes().get(Grpc.TRANSPORT_ATTR_SSL_SESSION));
                  super.onHeaders(answered);
                }

                @Override
                public void onClose(Status status, Metadata trailers) {
                  // Refusals come without headers, and one that follows gives nothing else.
                  saw(getAttributes().get(Grpc.TRANSPORT_ATTR_SSL_SESSION));
                  super.onClose(status, trailers);
                }
              },
              headers);
        }
      };
    }
  }
}
