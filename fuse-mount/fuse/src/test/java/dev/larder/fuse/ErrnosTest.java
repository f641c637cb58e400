package dev.larder.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.larder.linux.Errno;
import dev.larder.protocol.ErrorCode;
import org.junit.jupiter.api.Test;

class ErrnosTest {
  @Test
  void everyCodeIsEioButAChangedOrigin() {
    for (ErrorCode code : ErrorCode.values()) {
      int errno = Errnos.of(code);
      assertNotEquals(Errno.ENOENT, errno, "a name once shown exists: " + code);
      assertEquals(code == ErrorCode.ORIGIN_CHANGED ? Errno.ESTALE : Errno.EIO, errno, code.name());
    }
  }
}
