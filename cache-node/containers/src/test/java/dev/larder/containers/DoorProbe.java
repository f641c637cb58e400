package dev.larder.containers;

import dev.larder.coordinator.api.TlsFiles;
import dev.larder.coordinator.api.TlsMaterial;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;

/** Knocks at a TLS door with a certificate and hears whether it is let in. */
final class DoorProbe {
  private static final int MILLIS_MAX = 10_000;

  private DoorProbe() {}

  /** What a role of an authority shows and trusts. */
  static TlsMaterial material(Path authority, String role) {
    return TlsFiles.read(
        authority.resolve(role + ".key"),
        authority.resolve(role + ".pem"),
        authority.resolve("ca.pem"));
  }

  /** Whether a door answers a request; in TLS 1.3 a refusal comes after the handshake. */
  static boolean isLetIn(String address, int port, TlsMaterial material) {
    boolean isHttp2 = port != Rig.PEER_PORT;
    try (Socket plain = new Socket()) {
      plain.connect(new InetSocketAddress(address, port), MILLIS_MAX);
      plain.setSoTimeout(MILLIS_MAX);
      SSLContext context = SSLContext.getInstance("TLSv1.3");
      context.init(new KeyManager[] {material.keys()}, new TrustManager[] {material.trust()}, null);
      try (SSLSocket socket =
          (SSLSocket) context.getSocketFactory().createSocket(plain, address, port, true)) {
        SSLParameters parameters = socket.getSSLParameters();
        if (isHttp2) {
          parameters.setApplicationProtocols(new String[] {"h2"});
        }
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        OutputStream out = socket.getOutputStream();
        out.write(
            (isHttp2 ? "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" : "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
        if (isHttp2) {
          // An empty frame of settings.
          out.write(new byte[] {0, 0, 0, 4, 0, 0, 0, 0, 0});
        }
        out.flush();
        return socket.getInputStream().read() >= 0;
      }
    } catch (java.net.ConnectException | java.net.SocketTimeoutException e) {
      throw new AssertionError("no answer at all from " + address + ":" + port, e);
    } catch (IOException e) {
      return false;
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }
}
