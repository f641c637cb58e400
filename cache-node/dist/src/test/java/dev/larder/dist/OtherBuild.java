package dev.larder.dist;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;

/** This build's own classes in jars of another version, in another place. */
final class OtherBuild {
  static final String VERSION = "999.1-other";

  private OtherBuild() {}

  /** Makes it in an empty directory; returns its class path. */
  static String in(Path directory) throws IOException {
    Files.createDirectories(directory);
    List<String> entries = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      Path path = Path.of(entry);
      Path jar = directory.resolve("other-" + entries.size() + ".jar");
      if (Files.isDirectory(path.resolve("dev/larder"))) {
        ofDirectory(path, jar);
        entries.add(jar.toString());
      } else if (Files.isRegularFile(path) && isOwn(path)) {
        ofJar(path, jar);
        entries.add(jar.toString());
      } else {
        entries.add(entry);
      }
    }
    return String.join(File.pathSeparator, entries);
  }

  private static boolean isOwn(Path path) throws IOException {
    if (!path.toString().endsWith(".jar")) {
      return false;
    }
    try (JarFile jar = new JarFile(path.toFile())) {
      return jar.stream().anyMatch(entry -> entry.getName().startsWith("dev/larder/"));
    }
  }

  private static void ofDirectory(Path from, Path to) throws IOException {
    try (JarOutputStream out = open(to);
        Stream<Path> files = Files.walk(from)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String name = from.relativize(file).toString();
        if (!name.equals(JarFile.MANIFEST_NAME)) {
          out.putNextEntry(new JarEntry(name));
          Files.copy(file, out);
        }
      }
    }
  }

  private static void ofJar(Path from, Path to) throws IOException {
    try (JarOutputStream out = open(to);
        JarFile in = new JarFile(from.toFile())) {
      Enumeration<JarEntry> entries = in.entries();
      while (entries.hasMoreElements()) {
        JarEntry entry = entries.nextElement();
        if (!entry.getName().equals(JarFile.MANIFEST_NAME)) {
          out.putNextEntry(new JarEntry(entry.getName()));
          try (InputStream bytes = in.getInputStream(entry)) {
            bytes.transferTo(out);
          }
        }
      }
    }
  }

  private static JarOutputStream open(Path jar) throws IOException {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().put(Attributes.Name.IMPLEMENTATION_VERSION, VERSION);
    OutputStream out = Files.newOutputStream(jar);
    JarOutputStream result = new JarOutputStream(out, manifest);
    // Packed, they would take longer to make than the test takes.
    result.setLevel(0);
    return result;
  }
}
