package dev.larder.origin;

import com.azure.core.credential.AccessToken;
import com.azure.core.credential.TokenCredential;
import com.azure.core.credential.TokenRequestContext;
import com.azure.core.http.HttpClient;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.storage.blob.BlobContainerClient;
import com.azure.storage.blob.BlobContainerClientBuilder;
import com.azure.storage.common.StorageSharedKeyCredential;
import com.azure.storage.common.policy.RequestRetryOptions;
import com.azure.storage.common.policy.RetryPolicyType;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import reactor.core.publisher.Mono;

/**
 * Builds the Azure SDK's client. Credentials, one of: {@code connection-string}, {@code
 * account-key}, {@code sas} (each a reference), or {@code credentials} = {@code default} | {@code
 * anonymous}.
 */
final class AzureClients {
  // What the SDK's chain reads from the environment.
  private static final List<String> CHAIN_SECRETS =
      List.of(
          "AZURE_CLIENT_SECRET",
          "AZURE_CLIENT_CERTIFICATE_PASSWORD",
          "AZURE_PASSWORD",
          "IDENTITY_HEADER");

  private AzureClients() {}

  /** The client over {@code http}, which stays the caller's to close. */
  static BlobContainerClient create(
      AzureLocation location,
      OptionReader options,
      HttpClient http,
      Redactor redactor,
      OriginContext context) {
    BlobContainerClientBuilder builder =
        new BlobContainerClientBuilder()
            .containerName(location.container())
            .httpClient(http)
            // Retries are the common layer's.
            .retryOptions(
                new RequestRetryOptions(
                    RetryPolicyType.FIXED, 1, (Duration) null, null, null, null));
    long ways =
        java.util.stream.Stream.of("connection-string", "account-key", "sas", "credentials")
            .filter(key -> options.text(key).isPresent())
            .count();
    if (ways > 1) {
      throw new LarderException(
          ErrorCode.BAD_ORIGIN,
          "options connection-string, account-key, sas, credentials: give one of them");
    }
    Optional<String> connection = options.text("connection-string");
    try {
      if (connection.isPresent()) {
        builder.connectionString(secret("connection-string", connection.get(), redactor, context));
        location.endpoint().ifPresent(endpoint -> builder.endpoint(endpoint.toString()));
        return builder.buildClient();
      }
      URI endpoint = location.endpoint().orElseThrow(AzureClients::noAccount);
      builder.endpoint(endpoint.toString());
      authorize(builder, endpoint, http, options, redactor, context);
      return builder.buildClient();
    } catch (IllegalArgumentException e) {
      throw new LarderException(
          ErrorCode.BAD_ORIGIN,
          "options of an Azure origin: " + redactor.text(e.getMessage()),
          redactor.cause(e));
    }
  }

  private static void authorize(
      BlobContainerClientBuilder builder,
      URI endpoint,
      HttpClient http,
      OptionReader options,
      Redactor redactor,
      OriginContext context) {
    Optional<String> key = options.text("account-key");
    Optional<String> sas = options.text("sas");
    if (key.isPresent()) {
      builder.credential(
          new StorageSharedKeyCredential(
              account(endpoint, options), secret("account-key", key.get(), redactor, context)));
    } else if (sas.isPresent()) {
      String token = secret("sas", sas.get(), redactor, context);
      builder.sasToken(token.startsWith("?") ? token.substring(1) : token);
    } else {
      String text = options.text("credentials").orElse("default");
      switch (text) {
        case "default" -> builder.credential(chain(http, redactor, context));
        case "anonymous" -> builder.setAnonymousAccess();
        default ->
            throw new LarderException(
                ErrorCode.BAD_ORIGIN,
                "option credentials: expected default or anonymous; keys go as references into"
                    + " connection-string, account-key or sas");
      }
    }
  }

  private static TokenCredential chain(HttpClient http, Redactor redactor, OriginContext context) {
    for (String name : CHAIN_SECRETS) {
      redactor.hide(context.environment().apply(name));
    }
    TokenCredential chain = new DefaultAzureCredentialBuilder().httpClient(http).build();
    return new TokenCredential() {
      @Override
      public Mono<AccessToken> getToken(TokenRequestContext request) {
        return chain.getToken(request).doOnNext(token -> redactor.hide(token.getToken()));
      }

      @Override
      public AccessToken getTokenSync(TokenRequestContext request) {
        AccessToken token = chain.getTokenSync(request);
        redactor.hide(token.getToken());
        return token;
      }
    };
  }

  // Custom endpoints carry the account as their path (Azurite), others in the host.
  private static String account(URI endpoint, OptionReader options) {
    String path = endpoint.getPath() == null ? "" : endpoint.getPath();
    String host = endpoint.getHost();
    return options
        .text("account")
        .orElseGet(() ->
            path.length() > 1
                ? path.substring(1)
                : host.substring(0, Math.max(0, host.indexOf('.'))));
  }

  private static String secret(
      String key, String reference, Redactor redactor, OriginContext context) {
    String value = new SecretRef(key, reference, redactor, context.environment()).value();
    for (String part : value.split(";", -1)) {
      if (part.startsWith("AccountKey=") || part.startsWith("SharedAccessSignature=")) {
        redactor.hide(part.substring(part.indexOf('=') + 1));
      }
    }
    return value;
  }

  private static LarderException noAccount() {
    return new LarderException(
        ErrorCode.BAD_ORIGIN,
        "option account: missing; az:// needs it, or option endpoint, or connection-string");
  }
}
