package dev.larder.examples;

import dev.larder.client.LarderClient;
import dev.larder.client.RemoteFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.CRC32;

/** Reads one file by many virtual threads at once, a piece each: {@code DATASET PATH PIECE}. */
public final class ManyReaders {
  private ManyReaders() {}

  public static void main(String[] args) throws Exception {
    try (LarderClient larder = LarderClient.connect()) {
      List<Long> sums = checksums(larder, args[0], args[1], Integer.parseInt(args[2]));
      System.out.println(sums.size() + " pieces, checksum " + Long.toHexString(sums.hashCode()));
    }
  }

  /** CRC-32 of each piece of a file, in order. */
  static List<Long> checksums(LarderClient larder, String dataset, String path, int pieceBytes)
      throws IOException, InterruptedException, ExecutionException {
    try (RemoteFile file = larder.open(dataset, path);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Long>> pieces = new ArrayList<>();
      for (long offset = 0; offset < file.size(); offset += pieceBytes) {
        long from = offset;
        pieces.add(threads.submit(() -> checksum(file, from, pieceBytes)));
      }
      List<Long> sums = new ArrayList<>();
      for (Future<Long> piece : pieces) {
        sums.add(piece.get());
      }
      return sums;
    }
  }

  private static long checksum(RemoteFile file, long offset, int pieceBytes) {
    ByteBuffer piece = ByteBuffer.allocate(pieceBytes);
    while (piece.hasRemaining() && file.read(piece, offset + piece.position()) >= 0) {
      // A read may give less than asked for.
    }
    CRC32 sum = new CRC32();
    sum.update(piece.flip());
    return sum.getValue();
  }
}
