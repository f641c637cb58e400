package dev.larder.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Dataset names, snapshot references, globs, sizes and block arithmetic. */
class NamesTest {

  @ParameterizedTest
  @ValueSource(strings = {"", "-a", "a-", "A", "a_b", "a.b", "a/b", "..", "é", "a b"})
  void badDatasetNamesAreNamedInTheError(String text) {
    LarderException e = assertThrows(LarderException.class, () -> new DatasetName(text));
    assertEquals(ErrorCode.BAD_NAME, e.code());
    assertTrue(e.getMessage().contains("\"" + text + "\""), e.getMessage());
  }

  @Test
  void nameLengthIsBounded() {
    assertEquals(63, new DatasetName("a".repeat(63)).text().length());
    assertThrows(LarderException.class, () -> new DatasetName("a".repeat(64)));
  }

  @Test
  void snapshotsParse() {
    assertEquals(3, SnapshotRef.parse("models@3").snapshot().getAsLong());
    assertTrue(SnapshotRef.parse("models").snapshot().isEmpty());
    assertEquals("models@3", SnapshotRef.parse("models@3").toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"m@", "m@0", "m@-1", "m@03", "m@x", "m@1@2", "m@9999999999999999999"})
  void badSnapshotsAreRefused(String text) {
    assertEquals(
        ErrorCode.BAD_NAME,
        assertThrows(LarderException.class, () -> SnapshotRef.parse(text)).code());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "*.bin|x.bin|true",
        "*.bin|a/x.bin|false",
        "**/*.bin|a/b/x.bin|true",
        "**/*.bin|x.bin|true",
        "a/**|a/b/c|true",
        "a|a/b/c|true",
        "a|ab|false",
        "a/?.txt|a/b.txt|true",
        "a/?.txt|a/bb.txt|false",
        "[a-c]x|bx|true",
        "[!a-c]x|bx|false",
        "{a,b/c}/x|b/c/x|true",
        "{a,b}/x|c/x|false",
        "a\\*b|a*b|true",
        "a\\*b|axb|false",
        "*a*a*a*b|aaaaaaaaaaaaaaaaaaaaaaaaac|false",
        "**|any/thing|true",
      })
  void globs(String glob, String path, boolean matches) {
    assertEquals(matches, PathGlob.parse(glob).matches(path), glob + " against " + path);
  }

  @ParameterizedTest
  @ValueSource(strings = {"{a", "a}", "[a", "{a,{b,c}}", "a\\"})
  void badGlobsAreNamed(String glob) {
    LarderException e = assertThrows(LarderException.class, () -> PathGlob.parse(glob));
    assertEquals(ErrorCode.BAD_REQUEST, e.code());
    assertTrue(e.getMessage().contains(glob), e.getMessage());
  }

  @Test
  void hostileGlobsCostLittle() {
    String name = "a".repeat(200);
    String glob = "*a".repeat(100) + "b";
    Assertions.assertTimeout(
        Duration.ofSeconds(5),
        () -> {
          for (int i = 0; i < 1000; i++) {
            assertFalse(PathGlob.parse(glob).matches(name));
          }
        });
    assertThrows(LarderException.class, () -> PathGlob.parse("{a,b}".repeat(20)));
  }

  @ParameterizedTest
  @CsvSource({"0,0", "4096,4096", "1KiB,1024", "10GB,10000000000", "2 MiB,2097152", "1kB,1000"})
  void sizes(String text, long bytes) {
    assertEquals(bytes, DataSize.parse("store.disk-max", text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "x", "-1", "10XB", "99999999999PiB", "1.5GiB"})
  void badSizesNameTheKey(String text) {
    LarderException e =
        assertThrows(LarderException.class, () -> DataSize.parse("store.disk-max", text));
    assertEquals(ErrorCode.BAD_CONFIG, e.code());
    assertTrue(e.getMessage().startsWith("store.disk-max"), e.getMessage());
  }

  @Test
  void blockArithmetic() {
    long size = Blocks.STRIPE_BYTES + 1;
    assertEquals(65, Blocks.blockCount(size));
    assertEquals(2, Blocks.stripeCount(size));
    assertEquals(1, Blocks.blockLength(size, 64));
    assertEquals(1, Blocks.blocksInStripe(size, 1));
    assertEquals(64, Blocks.blocksInStripe(size, 0));
    assertEquals(0, Blocks.stripeCount(0));
    assertThrows(IndexOutOfBoundsException.class, () -> Blocks.blockLength(size, 65));
    assertThrows(IllegalArgumentException.class, () -> Blocks.blockCount(-1));
  }
}
