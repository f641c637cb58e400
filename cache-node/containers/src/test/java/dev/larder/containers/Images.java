package dev.larder.containers;

import com.github.dockerjava.api.command.BuildImageCmd;
import com.github.dockerjava.api.command.BuildImageResultCallback;
import com.github.dockerjava.api.exception.NotFoundException;
import com.github.dockerjava.api.model.Image;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The image under test: the distribution, built by its own Dockerfile on a base made of this
 * machine's files, or on the one that LARDER_TEST_BASE names. Both are named after their content
 * and made when they are not there. One thread.
 */
final class Images {
  private static final String BASE = "larder-test-base";
  private static final String LARDER = "larder-test";
  private static final int COPY_BYTES = 1 << 20;

  private Images() {}

  /** The image's name; nothing is pulled. */
  static String larder() throws IOException {
    String base = System.getenv("LARDER_TEST_BASE");
    if (base == null || base.isBlank()) {
      base = base();
    }
    Path home = distribution();
    MessageDigest digest = sha256();
    digest.update(base.getBytes(StandardCharsets.UTF_8));
    addTree(digest, home);
    String tag = tag(digest);
    if (!exists(LARDER, tag)) {
      System.err.println("building " + LARDER + ":" + tag + " on " + base);
      build(home, LARDER + ":" + tag, Map.of("BASE", base));
      removeOthers(LARDER, tag);
    }
    return LARDER + ":" + tag;
  }

  /** The client would compress what it sends, which takes longer than all else. */
  private static void build(Path context, String name, Map<String, String> arguments)
      throws IOException {
    Process tar =
        new ProcessBuilder("tar", "-C", context.toString(), "--exclude=./cache", "-c", ".")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (InputStream in = tar.getInputStream()) {
      BuildImageCmd command =
          Engine.client()
              .buildImageCmd(in)
              .withDockerfilePath("Dockerfile")
              // A base that has Java needs nothing from outside.
              .withNetworkMode("none")
              .withTags(Set.of(name));
      arguments.forEach(command::withBuildArg);
      command.exec(new BuildImageResultCallback()).awaitImageId();
    }
  }

  private static Path distribution() {
    Path home = Path.of(System.getProperty("larder.dist", "../dist/target/larder")).normalize();
    if (!Files.isExecutable(home.resolve("bin/larder"))) {
      throw new AssertionError(
          home.toAbsolutePath() + " holds no distribution; \"./verify containers\" builds it");
    }
    return home.toAbsolutePath();
  }

  private static String base() throws IOException {
    Path script = root().resolve("scripts/docker-base");
    Path java = Path.of(System.getProperty("java.home"));
    MessageDigest digest = sha256();
    for (Path file : List.of(script, java.resolve("release"), Path.of("/etc/os-release"))) {
      digest.update(Files.readAllBytes(file));
    }
    String tag = tag(digest);
    if (!exists(BASE, tag)) {
      System.err.println("making " + BASE + ":" + tag + " of this machine's files");
      Path context = Files.createTempDirectory("base");
      Path tar = context.resolve("base.tar");
      Path file = context.resolve("Dockerfile");
      try {
        ProcessBuilder builder = new ProcessBuilder(script.toString());
        builder.environment().put("JAVA_HOME", java.toString());
        Process process =
            builder
                .redirectOutput(tar.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        if (process.waitFor() != 0) {
          throw new IOException(script + " failed");
        }
        Files.writeString(file, "FROM scratch\nADD base.tar /\n");
        build(context, BASE + ":" + tag, Map.of());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted while the base image was made", e);
      } finally {
        Files.deleteIfExists(tar);
        Files.deleteIfExists(file);
        Files.delete(context);
      }
      removeOthers(BASE, tag);
    }
    return BASE + ":" + tag;
  }

  /** The root of the checkout. */
  static Path root() {
    for (Path path = Path.of("").toAbsolutePath(); path != null; path = path.getParent()) {
      if (Files.isDirectory(path.resolve(".mvn"))) {
        return path;
      }
    }
    throw new AssertionError("no directory .mvn above " + Path.of("").toAbsolutePath());
  }

  /** Names and contents, without what the image leaves out. */
  private static void addTree(MessageDigest digest, Path home) throws IOException {
    try (Stream<Path> tree = Files.walk(home)) {
      for (Path file : tree.filter(Files::isRegularFile).sorted().toList()) {
        String name = home.relativize(file).toString();
        if (name.startsWith("cache/")) {
          continue;
        }
        digest.update(name.getBytes(StandardCharsets.UTF_8));
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
          byte[] buffer = new byte[COPY_BYTES];
          while (in.read(buffer) >= 0) {
            // Read for the digest alone.
          }
        }
      }
    }
  }

  private static boolean exists(String repository, String tag) {
    try {
      Engine.client().inspectImageCmd(repository + ":" + tag).exec();
      return true;
    } catch (NotFoundException e) {
      return false;
    }
  }

  /** What earlier contents left; an image in use stays. */
  private static void removeOthers(String repository, String tag) {
    for (Image image : Engine.client().listImagesCmd().exec()) {
      String[] names = image.getRepoTags();
      for (String name : names == null ? new String[0] : names) {
        if (name.startsWith(repository + ":") && !name.endsWith(":" + tag)) {
          try {
            Engine.client().removeImageCmd(name).exec();
          } catch (com.github.dockerjava.api.exception.DockerException e) {
            System.err.println("image " + name + " stays: " + e.getMessage());
          }
        }
      }
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java runtime has no SHA-256", e);
    }
  }

  private static String tag(MessageDigest digest) {
    return HexFormat.of().formatHex(digest.digest(), 0, 8);
  }
}
