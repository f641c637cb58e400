package dev.larder.agent.fill;

import dev.larder.protocol.Blocks;

/**
 * Consecutive blocks of one blob, fetched by one request; never across a stripe's end.
 *
 * @param offsetBytes first byte in the blob
 * @param lengthBytes bytes; less than whole blocks only at the blob's end
 */
public record BlockRun(
    long firstBlock, int blocks, long offsetBytes, long lengthBytes, FillPriority priority) {

  static BlockRun of(long sizeBytes, long firstBlock, int blocks, FillPriority priority) {
    long offset = Blocks.blockOffset(firstBlock);
    long length = Math.min(Blocks.blockOffset(firstBlock + blocks), sizeBytes) - offset;
    return new BlockRun(firstBlock, blocks, offset, length, priority);
  }

  /** First block behind the run. */
  public long endBlock() {
    return firstBlock + blocks;
  }

  /** First byte behind the run. */
  public long endBytes() {
    return offsetBytes + lengthBytes;
  }

  /** The stripe the run lies in. */
  public int stripe() {
    return Blocks.stripeOfBlock(firstBlock);
  }
}
