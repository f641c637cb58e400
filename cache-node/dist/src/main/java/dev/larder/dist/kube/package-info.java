/**
 * A Kubernetes of one node on this machine, with Larder on it by the manifests as they are: for the
 * quickstart of pods and for the proof on a real kubelet. Needs root.
 */
@NullMarked
package dev.larder.dist.kube;

import org.jspecify.annotations.NullMarked;
