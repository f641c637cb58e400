package dev.larder.origin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.endpoints.S3EndpointParams;

class S3EndpointsTest {
  private static S3Endpoints of(String uri, Map<String, String> options) {
    OptionReader reader =
        new OptionReader("s3", new OriginOptions(options), java.util.Set.copyOf(options.keySet()));
    return new S3Endpoints(S3Location.parse(uri, reader), reader);
  }

  private static S3Error redirect(String region) {
    return new S3Error(
        301, "PermanentRedirect", "", Optional.of(region), Optional.empty(), Optional.empty());
  }

  private static void assertBase(String expected, String uri, Map<String, String> options) {
    assertEquals(expected, of(uri, options).target().base().toString());
  }

  @Test
  void bucketsAreWhereTheSdkSays() {
    Map<String, String> ireland = Map.of("region", "eu-west-1");
    assertBase("https://models.s3.eu-west-1.amazonaws.com", "s3://models/p", ireland);
    assertBase("https://s3.eu-west-1.amazonaws.com/my.models", "s3://my.models", ireland);
    assertBase(
        "https://s3.eu-west-1.amazonaws.com/models",
        "s3://models",
        Map.of("region", "eu-west-1", "path-style", "true"));
    assertBase(
        "https://models.s3.cn-north-1.amazonaws.com.cn",
        "s3://models",
        Map.of("region", "cn-north-1"));
    assertBase(
        "http://minio.local:9000/models",
        "s3://models",
        Map.of("endpoint", "http://minio.local:9000"));
    assertBase(
        "http://models.minio.local:9000",
        "s3://models",
        Map.of("endpoint", "http://minio.local:9000", "path-style", "false"));
    assertBase(
        "https://d--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com",
        "s3://d--usw2-az1--x-s3",
        Map.of("region", "us-west-2"));
  }

  @Test
  void aLearnedRegionMovesTheBucket() {
    S3Endpoints endpoints = of("s3://models", Map.of());
    S3Endpoints.Target before = endpoints.target();
    assertTrue(endpoints.learn(before, redirect("ap-south-1")));
    S3Endpoints.Target after = endpoints.target();
    assertEquals("https://models.s3.ap-south-1.amazonaws.com", after.base().toString());
    assertEquals("ap-south-1", after.scheme().signerProperty(AwsV4HttpSigner.REGION_NAME));
    // Whoever asked before another caller learned it is to ask again too.
    assertTrue(endpoints.learn(before, redirect("ap-south-1")));
    assertFalse(endpoints.learn(after, redirect("ap-south-1")));
    assertFalse(endpoints.learn(after, redirect("x.evil.example/")));
    assertEquals(after, endpoints.target());
    assertFalse(of("s3://models", Map.of("region", "eu-west-1")).learn(before, redirect("x-1")));
  }

  @Test
  void theSdksClientIsToldTheSame() {
    S3Endpoints endpoints = of("s3://models", Map.of());
    assertTrue(endpoints.learn(endpoints.target(), redirect("ap-south-1")));
    // As the client fills it in where AWS_ENDPOINT_URL is set.
    S3EndpointParams params =
        S3EndpointParams.builder()
            .bucket("models")
            .region(Region.US_EAST_1)
            .endpoint("http://elsewhere.example")
            .build();
    assertEquals(
        "https://models.s3.ap-south-1.amazonaws.com",
        endpoints.resolveEndpoint(params).join().url().toString());
  }

  @Test
  void whatTheRulesRefuseIsNamed() {
    Reads.fails(
        ErrorCode.BAD_ORIGIN,
        () -> of("s3://models", Map.of("region", "-bad-", "path-style", "false")));
  }
}
