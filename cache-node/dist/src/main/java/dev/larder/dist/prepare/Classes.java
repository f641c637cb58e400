package dev.larder.dist.prepare;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/** Classes that the JVM is to know although nothing could use them here. */
final class Classes {
  private static final String SUFFIX = ".class";

  private Classes() {}

  /**
   * Loads all classes of the distribution's own jars whose names begin so; runs none of them.
   *
   * @return how many were loaded
   */
  static int load(String... packages) throws IOException {
    int loaded = 0;
    for (String place : System.getProperty("java.class.path").split(File.pathSeparator)) {
      Path name = Path.of(place).getFileName();
      if (name == null || !name.toString().matches("larder-.*\\.jar")) {
        continue;
      }
      try (JarFile jar = new JarFile(place)) {
        for (String each : jar.stream().map(entry -> entry.getName()).toList()) {
          String type = each.replace('/', '.');
          if (type.endsWith(SUFFIX) && Stream.of(packages).anyMatch(type::startsWith)) {
            loaded += load(type.substring(0, type.length() - SUFFIX.length()));
          }
        }
      }
    }
    return loaded;
  }

  private static int load(String type) {
    try {
      Class<?> unused = Class.forName(type, false, Classes.class.getClassLoader());
      return 1;
    } catch (ClassNotFoundException | LinkageError e) {
      // It needs what is not in the distribution; then nobody here uses it.
      return 0;
    }
  }
}
