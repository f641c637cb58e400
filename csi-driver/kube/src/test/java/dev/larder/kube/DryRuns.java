package dev.larder.kube;

import dev.larder.dist.kube.KubeNode;
import dev.larder.dist.kube.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * What an API server says to manifests that it is only asked about.
 *
 * @param node its node; the namespace of Larder is there
 * @param copies where the manifests and overlays over them lie
 */
record DryRuns(KubeNode node, Path copies) {
  private static final String DEPLOY = "deploy";

  /** Over a copy of the manifests. */
  static DryRuns of(KubeNode node, Path deploy) throws IOException {
    Path copies = Files.createDirectory(node.work().resolve("dry-runs"));
    List<Path> all;
    try (Stream<Path> walk = Files.walk(deploy)) {
      all = walk.toList();
    }
    for (Path each : all) {
      Files.copy(each, copies.resolve(DEPLOY).resolve(deploy.relativize(each)));
    }
    return new DryRuns(node, copies);
  }

  /**
   * Why a folder of the manifests is refused; empty when it is taken.
   *
   * @param component over it; empty for none
   */
  String refusal(String folder, String component) throws IOException, InterruptedException {
    Path below = copies.resolve(DEPLOY).resolve(folder);
    Path asked = component.isEmpty() ? below : over(folder, component);
    Shell.Result said = node.tryKubectl("apply", "--dry-run=server", "-k", asked.toString());
    return said.status() == 0 ? "" : said.errors() + said.output();
  }

  private Path over(String folder, String component) throws IOException {
    Path overlay = Files.createDirectory(copies.resolve("base-" + component));
    boolean hasPaths = component.equals("paths");
    if (hasPaths) {
      Files.copy(
          copies.resolve(DEPLOY).resolve("overlays/local/node/paths.yaml"),
          overlay.resolve("paths.yaml"));
    }
    Files.writeString(
        overlay.resolve("kustomization.yaml"),
        """
        apiVersion: kustomize.config.k8s.io/v1beta1
        kind: Kustomization
        resources: [%s]
        components: [../deploy/components/%s]
        """
            .formatted("../deploy/" + folder + (hasPaths ? ", paths.yaml" : ""), component));
    return overlay;
  }
}
