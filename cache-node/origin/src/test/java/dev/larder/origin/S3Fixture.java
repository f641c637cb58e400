package dev.larder.origin;

import dev.larder.testkit.S3Server;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;

/** A prefix of a bucket of a real server, which lives longer. */
final class S3Fixture implements OriginContract.Fixture {
  final S3Server server;
  final String bucket;
  final S3Client client;

  S3Fixture(S3Server server, String bucket) throws Exception {
    this.server = server;
    this.bucket = bucket;
    server.createBucket(bucket);
    client =
        S3Client.builder()
            .endpointOverride(server.endpoint())
            .forcePathStyle(true)
            .region(Region.US_EAST_1)
            .httpClientBuilder(Apache5HttpClient.builder())
            .credentialsProvider(
                StaticCredentialsProvider.create(
                    AwsBasicCredentials.create(S3Server.ACCESS_KEY, S3Server.SECRET_KEY)))
            .build();
  }

  @Override
  public void put(String path, byte[] content) {
    client.putObject(b -> b.bucket(bucket).key("data/" + path), RequestBody.fromBytes(content));
  }

  /**
   * Straight into the server's directory, which is what it lists: a PUT each would take minutes.
   */
  @Override
  public void putMany(int count) throws Exception {
    for (int i = 0; i < count; i++) {
      String name = OriginContract.bulkName(i);
      Path file = server.buckets().resolve(bucket).resolve("data").resolve(name);
      Files.createDirectories(file.getParent());
      Files.writeString(file, name);
    }
  }

  @Override
  public void delete(String path) {
    client.deleteObject(b -> b.bucket(bucket).key("data/" + path));
  }

  Map<String, String> options() {
    Map<String, String> options = new HashMap<>();
    options.put("endpoint", server.endpoint().toString());
    options.put("region", "us-east-1");
    options.put("credentials", "env:S3_KEYS");
    return options;
  }

  @Override
  public Origin open(TestContext context) {
    return context
        .environment(Map.of("S3_KEYS", S3Server.ACCESS_KEY + ":" + S3Server.SECRET_KEY))
        .open("s3://" + bucket + "/data", options());
  }

  @Override
  public Origin openDenied(TestContext context) {
    return context
        .environment(Map.of("S3_KEYS", S3Server.ACCESS_KEY + ":canary-wrong-secret"))
        .open("s3://" + bucket + "/data", options());
  }

  @Override
  public void close() {
    client.close();
  }
}
