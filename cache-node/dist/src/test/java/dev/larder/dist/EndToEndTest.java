package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.core.http.jdk.httpclient.JdkHttpClientBuilder;
import com.azure.core.util.BinaryData;
import com.azure.storage.blob.BlobContainerClient;
import com.azure.storage.blob.BlobServiceClientBuilder;
import com.azure.storage.common.StorageSharedKeyCredential;
import dev.larder.agent.AgentConfig;
import dev.larder.agent.config.ConfigTree;
import dev.larder.client.Control.Dataset;
import dev.larder.client.DownloadRequest;
import dev.larder.client.LarderClient;
import dev.larder.client.LarderClient.DownloadResult;
import dev.larder.client.RemoteFile;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.csi.CsiConfig;
import dev.larder.mount.MountSettings;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.testkit.AccessLogEntry;
import dev.larder.testkit.AzuriteServer;
import dev.larder.testkit.S3Server;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The same dataset from a directory, from S3 and from Azure, through a whole node to the client.
 */
class EndToEndTest {
  @TempDir Path directory;
  private final Map<String, byte[]> files = new TreeMap<>();

  @BeforeEach
  void makeFiles() {
    Random random = new Random(42);
    addFile(random, "empty", 0);
    addFile(random, "a b/ü%+.txt", 11);
    addFile(random, "small/one", 64 << 10);
    addFile(random, "small/two", (64 << 10) + 1);
    addFile(random, "large/model.bin", (70 << 20) + 4321);
    for (int i = 0; i < 60; i++) {
      addFile(random, "many/%03d".formatted(i), 500 + i);
    }
  }

  @Test
  void aDirectoryIsServedAndSurvivesARestart() throws Exception {
    Path source = writeFiles(directory.resolve("source"));
    checkAll(source.toUri().toString(), Map.of());
  }

  @Test
  void aBucketIsReadOnceAndNeverAgain() throws Exception {
    try (S3Server s3 = S3Server.start(directory.resolve("s3"))) {
      writeFiles(s3.createBucket("datasets").resolve("prefix"));
      Path secret = directory.resolve("secret");
      Files.writeString(secret, S3Server.ACCESS_KEY + ":" + S3Server.SECRET_KEY);
      checkAll(
          "s3://datasets/prefix",
          Map.of(
              "endpoint",
              s3.endpoint().toString(),
              "region",
              "us-east-1",
              "credentials",
              "file:" + secret));
      long bytes =
          s3.accessLog().stream()
              .filter(AccessLogEntry::isObjectRead)
              .mapToLong(AccessLogEntry::bodyBytes)
              .sum();
      assertEquals(
          files.values().stream().mapToLong(content -> content.length).sum(),
          bytes,
          "the bucket's own log must show each byte once");
    }
  }

  @Test
  void anAzureContainerIsServed() throws Exception {
    if (AzuriteServer.executable().isEmpty()) {
      assertFalse("true".equals(System.getenv("CI")), AzuriteServer.HOW_TO_GET);
      Assumptions.abort(AzuriteServer.HOW_TO_GET);
    }
    try (AzuriteServer azurite = AzuriteServer.start(directory.resolve("azurite"))) {
      BlobContainerClient container =
          new BlobServiceClientBuilder()
              .endpoint(azurite.endpoint().toString())
              .credential(new StorageSharedKeyCredential(AzuriteServer.ACCOUNT, AzuriteServer.KEY))
              .httpClient(new JdkHttpClientBuilder().build())
              .buildClient()
              .createBlobContainer("datasets");
      files.forEach((path, content) ->
          container.getBlobClient("prefix/" + path).upload(BinaryData.fromBytes(content)));
      Path secret = directory.resolve("secret");
      Files.writeString(secret, AzuriteServer.KEY);
      checkAll(
          "az://datasets/prefix",
          Map.of("endpoint", azurite.endpoint().toString(), "account-key", "file:" + secret));
    }
  }

  @Test
  void aChangedObjectIsAnErrorUntilTheDatasetIsRefreshed() throws Exception {
    Path source = writeFiles(directory.resolve("source"));
    try (AgentProcess node = start();
        LarderClient client = connect()) {
      client.control().create("data", source.toUri().toString(), Map.of(), (o, b) -> {});
      byte[] other = new byte[files.get("small/two").length];
      Files.write(source.resolve("small/two"), other);
      Files.setLastModifiedTime(
          source.resolve("small/two"), FileTime.from(Instant.now().plusSeconds(5)));
      LarderException e =
          assertThrows(LarderException.class, () -> read(client, "data", "small/two"));
      assertEquals(ErrorCode.ORIGIN_CHANGED, e.code());
      Dataset fresh = client.control().refresh("data", (o, b) -> {});
      assertEquals(2, fresh.snapshots().getLast().number());
      assertArrayEquals(other, read(client, "data", "small/two"));
      assertEquals(
          ErrorCode.ORIGIN_CHANGED,
          assertThrows(LarderException.class, () -> read(client, "data@1", "small/two")).code());
      assertEquals(2, client.control().refresh("data", (o, b) -> {}).snapshots().size());
      assertTrue(node.address().startsWith("127.0.0.1:"));
    }
  }

  @Test
  void aStartThatIsRefusedChangesNothing() throws Exception {
    Path data = directory.resolve("data");
    try (AgentProcess node = start()) {
      Map<Path, Object> before = state(data.resolve("tls"));
      assertFalse(before.isEmpty());
      ConfigTree tree = new ConfigTree(Map.of("http.port", "0"));
      MountSettings mounting = MountSettings.of(tree);
      AgentConfig again = AgentConfig.of(data, tree);
      LarderException e =
          assertThrows(
              LarderException.class,
              () ->
                  AgentProcess.start(
                      again,
                      Coordination.inside(data, Limits.defaults()),
                      mounting,
                      CsiConfig.defaults(),
                      directory.resolve("run2"),
                      Optional.empty(),
                      Optional.empty()));
      assertEquals(ErrorCode.STORE_LOCKED, e.code());
      assertEquals(before, state(data.resolve("tls")));
      assertTrue(node.address().startsWith("127.0.0.1:"));
    }
    Files.writeString(data.resolve("VERSION"), "larder-store 999\n");
    Map<Path, Object> before = state(data);
    assertEquals(ErrorCode.STORE_UNUSABLE, assertThrows(LarderException.class, this::start).code());
    assertEquals(before, state(data));
  }

  /** Files below a folder with their times. */
  private static Map<Path, Object> state(Path folder) throws IOException {
    Map<Path, Object> out = new TreeMap<>();
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path path : tree.filter(Files::isRegularFile).toList()) {
        out.put(path, Files.getLastModifiedTime(path) + " " + Files.size(path));
      }
    }
    return out;
  }

  private void checkAll(String uri, Map<String, String> options) throws Exception {
    try (AgentProcess node = start();
        LarderClient client = connect()) {
      Dataset dataset = client.control().create("data", uri, options, (o, b) -> {});
      assertEquals(files.size(), dataset.snapshots().getLast().files(), node.address());
      for (String path : files.keySet()) {
        assertArrayEquals(files.get(path), read(client, "data", path), path);
      }
      ranges(client);
    }
    try (AgentProcess node = start();
        LarderClient client = connect()) {
      DownloadResult result =
          client.download(DownloadRequest.of("data@1", "", directory.resolve("out")));
      assertEquals(files.size(), result.files().size(), node.address());
      for (String path : files.keySet()) {
        assertArrayEquals(
            files.get(path), Files.readAllBytes(directory.resolve("out").resolve(path)), path);
      }
      try (RemoteFile large = client.open("data", "large/model.bin")) {
        assertTrue(large.isDirect(), "a sealed blob is read from the store's file");
      }
    }
  }

  private void ranges(LarderClient client) throws Exception {
    byte[] wanted = files.get("large/model.bin");
    Random random = new Random(7);
    try (RemoteFile file = client.open("data", "large/model.bin")) {
      for (int i = 0; i < 20; i++) {
        int offset = random.nextInt(wanted.length - 5000);
        ByteBuffer target = ByteBuffer.allocate(1 + random.nextInt(5000));
        int count = file.read(target, offset);
        for (int j = 0; j < count; j++) {
          assertEquals(wanted[offset + j], target.get(j));
        }
      }
    }
  }

  private static byte[] read(LarderClient client, String dataset, String path) throws Exception {
    try (InputStream in = client.openStream(dataset, path)) {
      return in.readAllBytes();
    }
  }

  @Test
  void metricsShowTheCoordinatorsMemoryToo() throws Exception {
    try (AgentProcess node = start()) {
      String token = Files.readString(directory.resolve("run").resolve("token")).strip();
      HttpRequest request =
          HttpRequest.newBuilder(URI.create("http://" + node.address() + "/metrics"))
              .header("Authorization", "Bearer " + token)
              .build();
      try (HttpClient client = HttpClient.newHttpClient()) {
        String text = client.send(request, HttpResponse.BodyHandlers.ofString()).body();
        assertTrue(text.contains("larder_coordinator_rocksdb_block_cache_bytes "), text);
        assertTrue(text.contains("larder_store_rocksdb_block_cache_bytes "), text);
      }
    }
  }

  private AgentProcess start() {
    return TestNode.start(directory);
  }

  private LarderClient connect() {
    return LarderClient.builder().agentFile(directory.resolve("ready.json")).build();
  }

  private void addFile(Random random, String path, int size) {
    byte[] content = new byte[size];
    random.nextBytes(content);
    files.put(path, content);
  }

  private Path writeFiles(Path target) throws Exception {
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      Path to = target.resolve(file.getKey());
      Files.createDirectories(to.getParent());
      Files.write(to, file.getValue());
    }
    return target;
  }
}
