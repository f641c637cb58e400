package dev.larder.containers;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives tests the one cluster they share, started for the first of them. Each begins with a whole
 * one; after one that failed the logs are shown.
 */
final class SharedRig
    implements BeforeAllCallback,
        BeforeEachCallback,
        AfterTestExecutionCallback,
        ParameterResolver {
  private static final ExtensionContext.Namespace SPACE =
      ExtensionContext.Namespace.create(SharedRig.class);

  /** Ends the cluster with the last test. */
  private record Running(Rig rig, Path work) implements AutoCloseable {
    @Override
    public void close() throws Exception {
      rig.close();
      try (Stream<Path> tree = Files.walk(work)) {
        for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  private static Running running(ExtensionContext context) {
    return context
        .getRoot()
        .getStore(SPACE)
        .getOrComputeIfAbsent(
            Running.class,
            any -> {
              try {
                Path work = Files.createTempDirectory("containers");
                long seed = Long.getLong("larder.seed", System.nanoTime());
                System.err.println("the cluster's bytes and subnets: -Dlarder.seed=" + seed);
                return new Running(Rig.start(work, seed), work);
              } catch (Exception e) {
                throw new AssertionError("the cluster does not start", e);
              }
            },
            Running.class);
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    Engine.need();
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    running(context).rig().awaitWell();
  }

  @Override
  public void afterTestExecution(ExtensionContext context) {
    Rig rig = running(context).rig();
    if (context.getExecutionException().isPresent()) {
      System.err.println(rig.logs());
      // What it broke must not break the next one.
      rig.mend();
    }
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType().equals(Rig.class);
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return running(context).rig();
  }
}
