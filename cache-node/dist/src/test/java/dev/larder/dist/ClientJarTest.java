package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import dev.larder.client.LarderClient;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The client as one jar: all a user needs, and nothing that meets the user's own libraries. */
class ClientJarTest {
  private static final int BYTES_MAX = 1 << 20;
  private static final int JAVA_17 = 61;
  private static final Path EXAMPLE =
      Path.of("../../clients/java/examples/src/main/java/dev/larder/examples/QuickDownload.java");

  @TempDir Path directory;

  @Test
  void isSmallAndHasNothingOfOthersUnderItsOwnName() throws Exception {
    Path jar = ClientJvm.clientJar();
    System.out.println(jar.getFileName() + ": " + Files.size(jar) + " bytes");
    assertTrue(Files.size(jar) < BYTES_MAX, jar + " has " + Files.size(jar) + " bytes");
    int classes = 0;
    try (JarFile file = new JarFile(jar.toFile())) {
      for (JarEntry entry : Collections.list(file.entries())) {
        String name = entry.getName();
        assertTrue(
            name.startsWith("dev/") && (name.equals("dev/") || name.startsWith("dev/larder/"))
                || name.startsWith("META-INF/") && !name.startsWith("META-INF/versions"),
            () -> "not ours: " + name);
        byte[] content = file.getInputStream(entry).readAllBytes();
        String text = new String(content, StandardCharsets.ISO_8859_1);
        assertFalse(
            text.contains("com/fasterxml") || text.contains("com.fasterxml"),
            () -> name + " names a class that was moved");
        if (name.endsWith(".class")) {
          int version = (content[6] & 0xff) << 8 | content[7] & 0xff;
          assertTrue(version <= JAVA_17, () -> name + " needs a Java newer than 17: " + version);
          classes++;
        }
      }
    }
    assertTrue(classes > 50, "classes: " + classes);
  }

  @Test
  void needsNothingButJava() throws Exception {
    Set<String> needed = new TreeSet<>();
    JavaClasses classes;
    try (JarFile jar = new JarFile(ClientJvm.clientJar().toFile())) {
      classes = new ClassFileImporter().importJar(jar);
    }
    assertTrue(classes.size() > 50, "classes: " + classes.size());
    for (JavaClass each : classes) {
      each.getDirectDependenciesFromSelf().stream()
          .map(dependency -> dependency.getTargetClass().getBaseComponentType())
          .filter(target -> !target.isPrimitive())
          .map(JavaClass::getPackageName)
          // Annotations that are not there are no fault to a JVM.
          .filter(name -> !name.startsWith("java.") && !name.equals("org.jspecify.annotations"))
          .forEach(needed::add);
    }
    needed.removeIf(name -> name.startsWith("dev.larder."));
    assertEquals(Set.of(), needed);
  }

  @Test
  void downloadsAloneOnTheClassPath() throws Exception {
    byte[] content = new byte[(5 << 20) + 99];
    new Random(5).nextBytes(content);
    Path source = Files.createDirectories(directory.resolve("source/models"));
    Files.write(source.resolve("model.bin"), content);
    try (AgentProcess node = TestNode.start(directory)) {
      try (LarderClient client =
          LarderClient.builder().agentFile(directory.resolve("ready.json")).build()) {
        client
            .control()
            .create("data", directory.resolve("source").toString(), Map.of(), (o, b) -> {});
      }
      // Java compiles the example by itself, against the jar it runs it with.
      check(
          new ClientJvm(ClientJvm.ownJava(), List.of(ClientJvm.clientJar()), ready()),
          EXAMPLE.toString(),
          content,
          "own");
      Path classes = compileFor17();
      for (Path java : olderJavas()) {
        System.out.println("the client's jar on " + java);
        ClientJvm older = new ClientJvm(java, List.of(ClientJvm.clientJar(), classes), ready());
        check(
            older,
            "dev.larder.examples.QuickDownload",
            content,
            "older" + olderJavas().indexOf(java));
      }
      assertTrue(node.address().startsWith("127.0.0.1:"));
    }
  }

  private void check(ClientJvm jvm, String program, byte[] content, String target)
      throws Exception {
    Path to = directory.resolve(target);
    String printed = jvm.run(program, "data", "models/*", to.toString());
    assertTrue(printed.contains("1 files, " + content.length + " bytes"), printed);
    assertArrayEquals(content, Files.readAllBytes(to.resolve("models/model.bin")));
  }

  /** Fails when the example, or what it needs of the jar, is beyond Java 17. */
  private Path compileFor17() throws Exception {
    Path classes = Files.createDirectories(directory.resolve("classes"));
    int status =
        ToolProvider.getSystemJavaCompiler()
            .run(
                null,
                null,
                null,
                "--release",
                "17",
                "-proc:none",
                "-cp",
                ClientJvm.clientJar().toString(),
                "-d",
                classes.toString(),
                EXAMPLE.toString());
    assertEquals(0, status);
    return classes;
  }

  /** Every other Java of this machine that can run it; there may be none. */
  private static List<Path> olderJavas() throws Exception {
    Path homes = Path.of("/usr/lib/jvm");
    if (!Files.isDirectory(homes)) {
      return List.of();
    }
    try (Stream<Path> found = Files.list(homes)) {
      return found
          .filter(home -> home.getFileName().toString().matches("(java|temurin)-(17|21)-.*"))
          .map(home -> home.resolve("bin" + File.separator + "java"))
          .filter(Files::isExecutable)
          .sorted()
          .toList();
    }
  }

  private Path ready() {
    return directory.resolve("ready.json");
  }
}
