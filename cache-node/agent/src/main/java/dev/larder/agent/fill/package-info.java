/**
 * Brings blocks from origins into the store. Decisions ({@code BlobPlan}, {@code ReadAhead}, {@code
 * FillBudget}) are plain objects; {@code FillEngine}, {@code BlobFill} and {@code RunTransfer} do
 * what they say, on virtual threads for the network and a small pool for hashing.
 *
 * <p>Lock order: {@code BlobFill}'s lock, then the budget's or the tracker's; nothing blocking, no
 * store call that waits and no future completion under any of them.
 */
@NullMarked
package dev.larder.agent.fill;

import org.jspecify.annotations.NullMarked;
