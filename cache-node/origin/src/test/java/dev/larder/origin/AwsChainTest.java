package dev.larder.origin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.origin.ScriptedServer.Answer;
import dev.larder.origin.ScriptedServer.Seen;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where {@code credentials=default} finds some for S3, link by link of the SDK's chain. */
class AwsChainTest {
  private static final String SECRET = "canary/secret/4711";
  private static final String TOKEN = "canary-session-4711";
  private static final String JSON =
      """
      {"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "AKIAFOUND",
       "SecretAccessKey": "%s", "Token": "%s", "Expiration": "2099-01-01T00:00:00Z",
       "LastUpdated": "2025-01-01T00:00:00Z", "AccountId": "1"}\
      """
          .formatted(SECRET, TOKEN);

  @TempDir Path work;
  private Keys keys;
  private Tunnels proxy;
  private ScriptedServer s3;
  private final AtomicInteger requests = new AtomicInteger();

  @BeforeEach
  void start() throws Exception {
    keys = Keys.create(work);
    proxy = new Tunnels(Map.of());
    s3 =
        new ScriptedServer(r ->
            requests.incrementAndGet() > 1
                // As servers do that want to be helpful.
                ? Answer.of(403, Map.of(), "<Error><Message>" + r.headers() + "</Message></Error>")
                : Answer.of(200, Map.of("ETag", "\"e\""), "content"));
  }

  @AfterEach
  void stop() throws Exception {
    assertEquals(List.of(), proxy.refused(), "requests that wanted out");
    proxy.close();
    s3.close();
  }

  private String read(Map<String, String> environment) throws Exception {
    OriginObject object =
        new OriginObject(
            "x",
            OriginObject.Type.FILE,
            "s3+" + s3.endpoint() + "/bucket/x",
            "e",
            7,
            Instant.EPOCH,
            Optional.empty(),
            Optional.empty());
    try (Child child =
        Child.start(
            work,
            environment,
            keys,
            proxy.uri(),
            "s3://bucket",
            object,
            Map.of("endpoint", s3.endpoint().toString()))) {
      String output = child.output();
      assertFalse(output.contains("canary"), output);
      return output;
    }
  }

  /** Reads with what the environment leads to, then sees that a refusal tells nothing of it. */
  private Seen found(Map<String, String> environment, String session) throws Exception {
    String output = read(environment);
    assertTrue(output.contains("read 7"), output);
    assertTrue(output.contains("ORIGIN_DENIED"), output);
    assertEquals(2, s3.seen().size());
    Seen request = s3.seen().getFirst();
    assertTrue(
        request.header("Authorization").contains("Credential=AKIAFOUND/"),
        request.header("Authorization"));
    assertEquals(session, request.header("X-Amz-Security-Token"));
    return request;
  }

  @Test
  void theEnvironment() throws Exception {
    found(
        Map.of(
            "AWS_ACCESS_KEY_ID",
            "AKIAFOUND",
            "AWS_SECRET_ACCESS_KEY",
            SECRET,
            "AWS_SESSION_TOKEN",
            TOKEN),
        TOKEN);
  }

  @Test
  void aProfileAndItsRegion() throws Exception {
    Path shared = work.resolve("credentials");
    Path config = work.resolve("config");
    Files.writeString(
        shared,
        """
        [default]
        aws_access_key_id = AKIAOTHER
        aws_secret_access_key = canary-other

        [larder]
        aws_access_key_id = AKIAFOUND
        aws_secret_access_key = %s
        """
            .formatted(SECRET));
    Files.writeString(config, "[profile larder]\nregion = eu-north-1\n");
    Seen request =
        found(
            Map.of(
                "AWS_SHARED_CREDENTIALS_FILE",
                shared.toString(),
                "AWS_CONFIG_FILE",
                config.toString(),
                "AWS_PROFILE",
                "larder"),
            "");
    assertTrue(request.header("Authorization").contains("/eu-north-1/s3/"));
  }

  @Test
  void theContainersEndpoint() throws Exception {
    try (ScriptedServer agent =
        new ScriptedServer(r ->
            r.header("Authorization").equals("canary-container")
                ? Answer.of(200, Map.of("Content-Type", "application/json"), JSON)
                : Answer.of(401, Map.of(), ""))) {
      found(
          Map.of(
              "AWS_CONTAINER_CREDENTIALS_FULL_URI",
              agent.endpoint() + "/creds",
              "AWS_CONTAINER_AUTHORIZATION_TOKEN",
              "canary-container"),
          TOKEN);
      assertEquals("/creds", agent.seen().getFirst().target());
    }
  }

  @Test
  void theMachinesMetadata() throws Exception {
    try (ScriptedServer metadata = new ScriptedServer(AwsChainTest::metadata)) {
      found(
          Map.of(
              "AWS_EC2_METADATA_DISABLED",
              "false",
              "AWS_EC2_METADATA_SERVICE_ENDPOINT",
              metadata.endpoint().toString()),
          TOKEN);
    }
  }

  private static Answer metadata(Seen request) {
    String roles = "/latest/meta-data/iam/security-credentials/";
    if (request.method().equals("PUT") && request.target().equals("/latest/api/token")) {
      return Answer.of(
          200, Map.of("x-aws-ec2-metadata-token-ttl-seconds", "21600"), "canary-metadata");
    }
    if (!request.header("x-aws-ec2-metadata-token").equals("canary-metadata")) {
      return Answer.of(401, Map.of(), "");
    }
    if (request.target().equals(roles)) {
      return Answer.of(200, Map.of(), "larder-role");
    }
    return request.target().equals(roles + "larder-role")
        ? Answer.of(200, Map.of("Content-Type", "application/json"), JSON)
        : Answer.of(404, Map.of(), "");
  }

  @Test
  void aServiceAccountsToken() throws Exception {
    Path token = Files.writeString(work.resolve("token"), "canary-web-identity");
    try (ScriptedServer sts =
        new ScriptedServer(r ->
            r.body().contains("AssumeRoleWithWebIdentity")
                    && r.body().contains("canary-web-identity")
                ? Answer.of(200, Map.of("Content-Type", "text/xml"), assumed())
                : Answer.of(400, Map.of(), ""))) {
      Map<String, String> environment = new HashMap<>();
      environment.put("AWS_WEB_IDENTITY_TOKEN_FILE", token.toString());
      environment.put("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/larder");
      environment.put("AWS_ENDPOINT_URL_STS", sts.endpoint().toString());
      environment.put("AWS_REGION", "us-east-1");
      found(environment, TOKEN);
    }
  }

  private static String assumed() {
    return """
    <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\
    <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKIAFOUND</AccessKeyId>\
    <SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken>\
    <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
    </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>\
    """
        .formatted(SECRET, TOKEN);
  }

  @Test
  void nowhere() throws Exception {
    String output = read(Map.of());
    assertTrue(output.contains("ORIGIN_DENIED"), output);
    assertTrue(output.contains("no AWS credentials found in the environment, ~/.aws,"), output);
    assertTrue(output.contains("; set option credentials (profile:NAME, env:NAME"), output);
    assertEquals(List.of(), s3.seen());
  }
}
