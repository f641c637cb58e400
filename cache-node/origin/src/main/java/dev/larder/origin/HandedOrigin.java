package dev.larder.origin;

import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * An origin with secrets that somebody hands to this process. While one is not here, calls end at
 * once with a fault that tells which ({@link SecretMemory#lackBehind}), and the origin is opened
 * only when all are. Any thread.
 */
final class HandedOrigin implements Origin {
  private final List<String> secrets;
  private final SecretMemory memory;
  private final Supplier<Origin> opener;
  private @Nullable Origin opened;
  private boolean isClosed;

  /**
   * Opens the origin if its secrets are here.
   *
   * @param secrets names in {@code memory}
   * @throws LarderException as {@code opener} throws it
   */
  HandedOrigin(List<String> secrets, SecretMemory memory, Supplier<Origin> opener) {
    this.secrets = List.copyOf(secrets);
    this.memory = memory;
    this.opener = opener;
    if (lacking().isEmpty()) {
      Origin unused = origin();
    }
  }

  private Optional<String> lacking() {
    return secrets.stream().filter(name -> memory.get(name) == null).findFirst();
  }

  private synchronized Origin origin() {
    if (isClosed) {
      throw new LarderException(ErrorCode.CLOSED, "the origin was closed");
    }
    Optional<String> lacking = lacking();
    if (lacking.isPresent()) {
      throw memory.lacks(lacking.get());
    }
    Origin open = opened;
    if (open == null) {
      open = opener.get();
      opened = open;
    }
    return open;
  }

  @Override
  public String uri() {
    return origin().uri();
  }

  @Override
  public void list(ListingSink sink) {
    origin().list(sink);
  }

  @Override
  public OriginRead open(OriginObject object, long offset, long length) {
    return origin().open(object, offset, length);
  }

  @Override
  public Optional<ContentChecksum> checksum(OriginObject object) {
    return origin().checksum(object);
  }

  @Override
  public synchronized void close() {
    isClosed = true;
    if (opened != null) {
      opened.close();
    }
  }
}
