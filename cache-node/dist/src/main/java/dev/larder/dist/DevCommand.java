package dev.larder.dist;

import dev.larder.agent.http.RunDirectory;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code larder dev}: coordinator and agent in one process, in the foreground. */
@Command(name = "dev", description = "Run coordinator and agent in one process, in the foreground.")
final class DevCommand implements Callable<Integer> {
  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Data directory, on a real file system (default: /var/lib/larder for root, else"
              + " ~/.local/share/larder).")
  @Nullable Path data;

  @Option(
      names = "--ready-file",
      paramLabel = "FILE",
      description = "Written when requests are answered; holds what clients need.")
  @Nullable Path readyFile;

  @Option(
      names = "--run-dir",
      paramLabel = "DIR",
      description = "Where token and agent.json go (default: /run/larder for root).")
  @Nullable Path runDirectory;

  @Option(names = "--port", defaultValue = "7450", description = "Port on 127.0.0.1; 0: any.")
  int port;

  @Override
  public Integer call() throws Exception {
    String user = System.getProperty("user.name");
    Path directory =
        data != null
            ? data
            : user.equals("root")
                ? Path.of("/var/lib/larder")
                : Path.of(System.getProperty("user.home"), ".local", "share", "larder");
    directory = directory.toAbsolutePath();
    Path run =
        runDirectory != null
            ? runDirectory
            : RunDirectory.choose(
                user, Optional.ofNullable(System.getenv("XDG_RUNTIME_DIR")).orElse(""), directory);
    CountDownLatch ended = new CountDownLatch(1);
    try (DevNode node = DevNode.start(directory, run, port, Optional.ofNullable(readyFile))) {
      Thread hook =
          new Thread(
              () -> {
                node.close();
                ended.countDown();
              },
              "shutdown");
      Runtime.getRuntime().addShutdownHook(hook);
      System.err.println("larder: ready at " + node.address() + ", data in " + directory);
      ended.await();
    }
    return 0;
  }
}
