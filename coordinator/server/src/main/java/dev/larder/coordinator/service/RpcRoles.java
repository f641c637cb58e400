package dev.larder.coordinator.service;

import static dev.larder.coordinator.api.Role.AGENT;
import static dev.larder.coordinator.api.Role.CLIENT;
import static dev.larder.coordinator.api.Role.COORDINATOR;

import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.v1.CoordinatorGrpc;
import dev.larder.coordinator.api.v1.HealthGrpc;
import io.grpc.MethodDescriptor;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** Which roles may make which call. A call that does not stand here is open to nobody. */
final class RpcRoles {
  private static final Map<String, Set<Role>> ALLOWED = allowed();

  private RpcRoles() {}

  static boolean mayCall(Role role, String method) {
    return ALLOWED.getOrDefault(method, Set.of()).contains(role);
  }

  private static Map<String, Set<Role>> allowed() {
    Map<String, Set<Role>> allowed = new HashMap<>();
    // What only a node may say, because others act on it.
    for (MethodDescriptor<?, ?> method :
        new MethodDescriptor<?, ?>[] {
          CoordinatorGrpc.getJoinMethod(),
          CoordinatorGrpc.getAttendMethod(),
          CoordinatorGrpc.getRecordRootsMethod(),
          CoordinatorGrpc.getMovePinMethod(),
          CoordinatorGrpc.getGetWorkMethod(),
        }) {
      allowed.put(method.getFullMethodName(), EnumSet.of(AGENT));
    }
    for (MethodDescriptor<?, ?> method :
        new MethodDescriptor<?, ?>[] {
          CoordinatorGrpc.getLeaveMethod(),
          CoordinatorGrpc.getListMembersMethod(),
          CoordinatorGrpc.getCreateDatasetMethod(),
          CoordinatorGrpc.getGetDatasetMethod(),
          CoordinatorGrpc.getListDatasetsMethod(),
          CoordinatorGrpc.getDeleteDatasetMethod(),
          CoordinatorGrpc.getDeleteSnapshotsMethod(),
          CoordinatorGrpc.getGetRootsMethod(),
          CoordinatorGrpc.getGetHoldersMethod(),
          CoordinatorGrpc.getPinMethod(),
          CoordinatorGrpc.getUnpinMethod(),
          CoordinatorGrpc.getListPinsMethod(),
          CoordinatorGrpc.getStartWarmUpMethod(),
          CoordinatorGrpc.getCancelWarmUpMethod(),
          CoordinatorGrpc.getListWarmUpsMethod(),
          CoordinatorGrpc.getDrainMemberMethod(),
          CoordinatorGrpc.getListCoordinatorsMethod(),
          CoordinatorGrpc.getReplaceCoordinatorMethod(),
        }) {
      allowed.put(method.getFullMethodName(), EnumSet.of(AGENT, CLIENT));
    }
    // The catalog is made where the listing is.
    allowed.put(CoordinatorGrpc.getAddSnapshotMethod().getFullMethodName(), EnumSet.of(AGENT));
    for (MethodDescriptor<?, ?> method :
        new MethodDescriptor<?, ?>[] {
          CoordinatorGrpc.getGetStatusMethod(), HealthGrpc.getPingMethod(),
        }) {
      allowed.put(method.getFullMethodName(), EnumSet.of(AGENT, CLIENT, COORDINATOR));
    }
    return Map.copyOf(allowed);
  }
}
