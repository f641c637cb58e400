package dev.larder.perf.worker;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import dev.larder.coordinator.api.TlsMaterial;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.concurrent.TimeUnit;

/**
 * One connection to a member of etcd: the three calls of its protocol that a comparison needs,
 * written by hand. Any thread.
 */
final class EtcdPeer implements AutoCloseable {
  private static final MethodDescriptor<byte[], byte[]> PUT = method("etcdserverpb.KV/Put");
  private static final MethodDescriptor<byte[], byte[]> RANGE = method("etcdserverpb.KV/Range");
  private static final MethodDescriptor<byte[], byte[]> STATUS =
      method("etcdserverpb.Maintenance/Status");

  // Numbers of etcd's rpc.proto.
  private static final int KEY = 1;
  private static final int VALUE = 2;
  private static final int SERIALIZABLE = 7;
  private static final int RANGE_COUNT = 4;
  private static final int HEADER = 1;
  private static final int HEADER_MEMBER = 2;
  private static final int STATUS_LEADER = 4;

  private final ManagedChannel channel;

  /** Connects when first asked; {@code tls} shows a client and trusts the members' authority. */
  EtcdPeer(String address, TlsMaterial tls) throws IOException {
    channel = channel(address, tls);
  }

  /** A plain connection to any gRPC door, the caller's to close. */
  static ManagedChannel channel(String address, TlsMaterial tls) throws IOException {
    SslContext ssl =
        GrpcSslContexts.configure(
                SslContextBuilder.forClient().keyManager(tls.keys()).trustManager(tls.trust()),
                SslProvider.JDK)
            .build();
    return NettyChannelBuilder.forTarget("dns:///" + address).sslContext(ssl).build();
  }

  /** Returns when a majority has it on disk. */
  void put(byte[] key, byte[] value) {
    call(
        PUT,
        message(out -> {
          out.writeByteArray(KEY, key);
          out.writeByteArray(VALUE, value);
        }));
  }

  /** Whether this member knows a key; what it says may be old. */
  boolean has(byte[] key) {
    byte[] answer =
        call(
            RANGE,
            message(out -> {
              out.writeByteArray(KEY, key);
              out.writeBool(SERIALIZABLE, true);
            }));
    return number(answer, RANGE_COUNT) == 1;
  }

  /** Whether this member leads. */
  boolean leads() {
    byte[] answer = call(STATUS, new byte[0]);
    return number(bytes(answer, HEADER), HEADER_MEMBER) == number(answer, STATUS_LEADER);
  }

  private byte[] call(MethodDescriptor<byte[], byte[]> method, byte[] request) {
    CallOptions options = CallOptions.DEFAULT.withDeadlineAfter(30, TimeUnit.SECONDS);
    return ClientCalls.blockingUnaryCall(channel, method, options, request);
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }

  private interface Fields {
    void write(CodedOutputStream out) throws IOException;
  }

  private static byte[] message(Fields fields) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      fields.write(out);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private static long number(byte[] message, int field) {
    try {
      CodedInputStream in = CodedInputStream.newInstance(message);
      for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
        if (tag >>> 3 == field) {
          return in.readUInt64();
        }
        in.skipField(tag);
      }
      return 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] bytes(byte[] message, int field) {
    try {
      CodedInputStream in = CodedInputStream.newInstance(message);
      for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
        if (tag >>> 3 == field) {
          return in.readByteArray();
        }
        in.skipField(tag);
      }
      return new byte[0];
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static MethodDescriptor<byte[], byte[]> method(String name) {
    return MethodDescriptor.<byte[], byte[]>newBuilder()
        .setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName(name)
        .setRequestMarshaller(Bytes.AS_THEY_ARE)
        .setResponseMarshaller(Bytes.AS_THEY_ARE)
        .build();
  }

  private enum Bytes implements MethodDescriptor.Marshaller<byte[]> {
    AS_THEY_ARE;

    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
