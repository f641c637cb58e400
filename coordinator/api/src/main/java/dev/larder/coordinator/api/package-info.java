/**
 * What the rest of Larder asks of the coordinator: {@link
 * dev.larder.coordinator.api.CoordinatorClient} and its values, the gRPC implementation, and the
 * one place where error codes become gRPC statuses and back. Agents and the distribution call it,
 * from any thread.
 */
@NullMarked
package dev.larder.coordinator.api;

import org.jspecify.annotations.NullMarked;
