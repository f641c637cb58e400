package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;

/**
 * The option {@code credentials} of S3 origins: {@code default} (the SDK's chain), {@code
 * anonymous}, {@code profile:NAME}, or a reference to a text that is either {@code
 * ACCESS_KEY:SECRET_KEY[:SESSION_TOKEN]} or lines {@code aws_access_key_id = …}, {@code
 * aws_secret_access_key = …}, {@code aws_session_token = …}.
 */
final class S3Credentials {
  private S3Credentials() {}

  static AwsCredentialsProvider provider(String text, Redactor redactor, OriginContext context) {
    if (text.equals("default")) {
      redactor.hide(context.environment().apply("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
      return DefaultCredentialsProvider.builder().build();
    }
    if (text.equals("anonymous")) {
      return AnonymousCredentialsProvider.create();
    }
    if (text.startsWith("profile:") && text.length() > "profile:".length()) {
      return ProfileCredentialsProvider.create(text.substring("profile:".length()));
    }
    if (!SecretRef.isReference(text)) {
      throw new LarderException(
          ErrorCode.BAD_ORIGIN,
          "option credentials: expected default, anonymous, profile:NAME, env:NAME or file:/path;"
              + " a secret itself is never an option");
    }
    SecretRef reference = new SecretRef("credentials", text, redactor, context.environment());
    parse(reference.value(), redactor);
    return () -> parse(reference.value(), redactor);
  }

  static AwsCredentials parse(String text, Redactor redactor) {
    String access;
    String secret;
    String token;
    if (text.indexOf('=') >= 0 && text.toLowerCase(Locale.ROOT).contains("aws_access_key_id")) {
      Map<String, String> lines = lines(text);
      access = lines.getOrDefault("aws_access_key_id", "");
      secret = lines.getOrDefault("aws_secret_access_key", "");
      token = lines.getOrDefault("aws_session_token", "");
    } else {
      String[] parts = text.split(":", 3);
      access = parts[0];
      secret = parts.length > 1 ? parts[1] : "";
      token = parts.length > 2 ? parts[2] : "";
    }
    redactor.hide(secret);
    redactor.hide(token);
    if (access.isBlank() || secret.isBlank()) {
      throw new LarderException(
          ErrorCode.BAD_ORIGIN,
          "option credentials: what it refers to is neither ACCESS_KEY:SECRET_KEY[:SESSION_TOKEN]"
              + " nor lines aws_access_key_id = … and aws_secret_access_key = …");
    }
    return token.isEmpty()
        ? AwsBasicCredentials.create(access, secret)
        : AwsSessionCredentials.create(access, secret, token);
  }

  private static Map<String, String> lines(String text) {
    Map<String, String> values = new HashMap<>();
    text.lines()
        .map(line -> line.split("=", 2))
        .filter(pair -> pair.length == 2)
        .forEach(
            pair -> values.putIfAbsent(pair[0].strip().toLowerCase(Locale.ROOT), pair[1].strip()));
    return values;
  }
}
