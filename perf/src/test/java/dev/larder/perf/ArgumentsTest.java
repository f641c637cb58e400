package dev.larder.perf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class ArgumentsTest {
  private static final List<String> KNOWN = List.of("one", "two");

  @Test
  void takesNamesAndOptionsInAnyOrder() {
    Arguments arguments = Arguments.parse(List.of("two", "--json", "one", "--long"), KNOWN);
    assertEquals(List.of("two", "one"), arguments.names());
    assertTrue(arguments.json());
    assertTrue(arguments.longForm());
    assertFalse(arguments.list());
  }

  @Test
  void namesWhatItDoesNotKnow() {
    String option = message("--fast");
    assertTrue(option.contains("--fast") && option.contains("usage"), option);
    String name = message("three");
    assertTrue(name.contains("three") && name.contains("one, two"), name);
  }

  @Test
  void everyMeasureHasANameOfItsOwn() {
    List<String> names = Measures.all().stream().map(Measure::name).toList();
    assertEquals(names.size(), names.stream().distinct().count(), names.toString());
    assertEquals(names, Arguments.parse(names, names).names());
  }

  private static String message(String argument) {
    return String.valueOf(
        assertThrows(
                IllegalArgumentException.class, () -> Arguments.parse(List.of(argument), KNOWN))
            .getMessage());
  }
}
