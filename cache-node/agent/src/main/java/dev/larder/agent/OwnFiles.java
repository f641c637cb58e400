package dev.larder.agent;

import dev.larder.agent.config.DurableFiles;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;

/** What a node keeps of its own beside its store. */
final class OwnFiles {
  private OwnFiles() {}

  /** The directory for it, made where it is absent. */
  static Path directory(Path data) {
    Path own = data.resolve("agent");
    try {
      return Files.createDirectories(own);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_UNUSABLE, "cannot make " + own + ": " + e, e);
    }
  }

  /** The member id of a node that was given none: made once. */
  static String memberId(Path own) {
    Path file = own.resolve("member-id");
    try {
      if (Files.exists(file)) {
        return Files.readString(file).strip();
      }
      String id = UUID.randomUUID().toString();
      DurableFiles.replace(file, (id + "\n").getBytes(StandardCharsets.US_ASCII));
      return id;
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_UNUSABLE, "cannot read " + file + ": " + e, e);
    }
  }
}
