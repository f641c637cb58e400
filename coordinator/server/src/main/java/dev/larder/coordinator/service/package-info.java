/**
 * The coordinator's door: the same requests in the process and over gRPC, their checks and bounds,
 * and the roles each call needs. gRPC calls run on virtual threads under a bound.
 */
@NullMarked
package dev.larder.coordinator.service;

import org.jspecify.annotations.NullMarked;
