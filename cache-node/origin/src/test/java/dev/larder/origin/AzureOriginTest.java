package dev.larder.origin;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.core.util.BinaryData;
import com.azure.storage.blob.BlobContainerClient;
import com.azure.storage.blob.BlobServiceClientBuilder;
import com.azure.storage.blob.sas.BlobContainerSasPermission;
import com.azure.storage.blob.sas.BlobServiceSasSignatureValues;
import com.azure.storage.common.StorageSharedKeyCredential;
import dev.larder.protocol.ErrorCode;
import dev.larder.testkit.AzuriteServer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against Azurite. */
class AzureOriginTest extends OriginContract {
  @TempDir static Path work;
  private static AzuriteServer server;
  private static int containers;

  @BeforeAll
  static void start() throws Exception {
    if (!"true".equals(System.getenv("CI"))) {
      Assumptions.assumeTrue(AzuriteServer.executable().isPresent(), AzuriteServer.HOW_TO_GET);
    }
    server = AzuriteServer.start(work);
  }

  @AfterAll
  static void stop() {
    if (server != null) {
      server.close();
    }
  }

  @Override
  Blobs fixture() {
    BlobContainerClient client =
        new BlobServiceClientBuilder()
            .endpoint(server.endpoint().toString())
            .credential(new StorageSharedKeyCredential(AzuriteServer.ACCOUNT, AzuriteServer.KEY))
            .httpClient(new AzureHttp(new HttpTransport(OriginLimits.defaults())))
            .buildClient()
            .createBlobContainer("container-" + containers++);
    return new Blobs(client);
  }

  // Each upload costs Azurite some milliseconds; a page has 5,000.
  @Override
  int bulk() {
    return 5_100;
  }

  private record Blobs(BlobContainerClient client) implements Fixture {
    @Override
    public void put(String path, byte[] content) {
      client.getBlobClient("data/" + path).upload(BinaryData.fromBytes(content), true);
    }

    @Override
    public void putMany(int count) throws Exception {
      try (ExecutorService pool = Executors.newFixedThreadPool(8)) {
        List<? extends Future<?>> all =
            IntStream.range(0, count)
                .mapToObj(i ->
                    pool.submit(() ->
                        put(
                            bulkName(i),
                            bulkName(i).getBytes(java.nio.charset.StandardCharsets.UTF_8))))
                .toList();
        for (Future<?> one : all) {
          one.get();
        }
      }
    }

    @Override
    public void delete(String path) {
      client.getBlobClient("data/" + path).delete();
    }

    String uri() {
      return "az://" + client.getBlobContainerName() + "/data";
    }

    @Override
    public Origin open(TestContext context) {
      return context
          .environment(Map.of("KEY", AzuriteServer.KEY))
          .open(uri(), Map.of("endpoint", server.endpoint().toString(), "account-key", "env:KEY"));
    }

    @Override
    public Origin openDenied(TestContext context) {
      return context
          .environment(Map.of("KEY", "Y2FuYXJ5LXdyb25nLWtleQ=="))
          .open(uri(), Map.of("endpoint", server.endpoint().toString(), "account-key", "env:KEY"));
    }

    @Override
    public void close() {
      client.delete();
    }
  }

  @Test
  void takesConnectionStringsAndSas() throws Exception {
    try (Blobs blobs = fixture()) {
      byte[] content = bytes(new Random(1), 1000);
      blobs.put("x", content);
      String connection =
          "DefaultEndpointsProtocol=http;AccountName="
              + AzuriteServer.ACCOUNT
              + ";AccountKey="
              + AzuriteServer.KEY
              + ";BlobEndpoint="
              + server.endpoint()
              + ";";
      String sas =
          blobs
              .client()
              .generateSas(
                  new BlobServiceSasSignatureValues(
                      OffsetDateTime.now().plusHours(1),
                      new BlobContainerSasPermission()
                          .setReadPermission(true)
                          .setListPermission(true)));
      TestContext context =
          new TestContext().environment(Map.of("CONNECTION", connection, "SAS", "?" + sas));
      try (Origin one = context.open(blobs.uri(), Map.of("connection-string", "env:CONNECTION"));
          Origin two =
              context.open(
                  blobs.uri(),
                  Map.of("endpoint", server.endpoint().toString(), "sas", "env:SAS"))) {
        assertEquals(one.uri(), two.uri());
        for (Origin origin : List.of(one, two)) {
          assertArrayEquals(content, Reads.all(origin, Listing.of(origin).get("x")));
        }
        OriginObject listed = Listing.of(two).get("x");
        blobs.delete("x");
        String message =
            Reads.fails(ErrorCode.ORIGIN_GONE, () -> Reads.all(two, listed)).getMessage();
        assertTrue(!message.contains("sig="), message);
      }
    }
  }

  @Test
  void givesContentMd5OnRequest() throws Exception {
    try (Blobs blobs = fixture()) {
      byte[] content = bytes(new Random(1), 100_000);
      blobs.put("x", content);
      TestContext context = new TestContext().environment(Map.of("KEY", AzuriteServer.KEY));
      Map<String, String> options =
          Map.of(
              "endpoint",
              server.endpoint().toString(),
              "account-key",
              "env:KEY",
              "check-md5",
              "true");
      try (Origin checking = context.open(blobs.uri(), options);
          Origin plain = blobs.open(new TestContext())) {
        OriginObject object = Listing.of(checking).get("x");
        assertArrayEquals(
            MessageDigest.getInstance("MD5").digest(content),
            checking.checksum(object).orElseThrow().value());
        assertTrue(plain.checksum(object).isEmpty());
      }
    }
  }
}
