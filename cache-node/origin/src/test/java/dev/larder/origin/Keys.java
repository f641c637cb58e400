package dev.larder.origin;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Assertions;

/**
 * A key whose certificate names loopback and the hosts a test plays; its store is also one to
 * trust.
 *
 * @param store PKCS #12 file with {@link #PASSWORD}
 */
record Keys(Path store) {
  static final String PASSWORD = "password";

  static Keys create(Path work, String... hosts) throws IOException, InterruptedException {
    Path store = work.resolve("keys.p12");
    StringBuilder names = new StringBuilder("san=ip:127.0.0.1,dns:localhost");
    for (String host : hosts) {
      names.append(",dns:").append(host);
    }
    Process keytool =
        new ProcessBuilder(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                    "-genkeypair",
                    "-alias",
                    "test",
                    "-keyalg",
                    "EC",
                    "-dname",
                    "CN=test",
                    "-ext",
                    names.toString(),
                    "-keystore",
                    store.toString(),
                    "-storetype",
                    "PKCS12",
                    "-storepass",
                    PASSWORD))
            .redirectErrorStream(true)
            .redirectOutput(work.resolve("keytool.log").toFile())
            .start();
    Assertions.assertTrue(keytool.waitFor(60, TimeUnit.SECONDS), "keytool hangs");
    Assertions.assertEquals(0, keytool.exitValue(), Files.readString(work.resolve("keytool.log")));
    return new Keys(store);
  }

  /** For servers. */
  SSLContext context() throws IOException, GeneralSecurityException {
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, PASSWORD.toCharArray());
    }
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(keys, PASSWORD.toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(factory.getKeyManagers(), null, null);
    return context;
  }
}
