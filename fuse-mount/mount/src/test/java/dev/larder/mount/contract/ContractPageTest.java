package dev.larder.mount.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** docs/POSIX.md has a row for every test of the contract, and no other. */
final class ContractPageTest {
  private static final Pattern ROW = Pattern.compile("\\| .* \\| (`[A-Za-z`, ]+`) \\|");

  @Test
  void thePageIsTheContract() throws Exception {
    TreeSet<String> page = new TreeSet<>();
    for (String line : Files.readAllLines(Path.of("../../docs/POSIX.md"))) {
      Matcher row = ROW.matcher(line);
      if (row.matches()) {
        for (String name : row.group(1).replace("`", "").split(", ")) {
          assertTrue(page.add(name), "twice: " + name);
        }
      }
    }
    TreeSet<String> tests = new TreeSet<>();
    for (Method method : MountContract.class.getMethods()) {
      if (method.isAnnotationPresent(Test.class)) {
        tests.add(method.getName());
      }
    }
    assertTrue(tests.size() > 40, tests.toString());
    assertEquals(tests, page);
  }
}
