package dev.larder.examples;

import dev.larder.client.LarderClient;
import dev.larder.client.LarderClient.EntryStream;
import dev.larder.client.RemoteEntry;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.Iterator;

/** Looks around in a dataset: {@code DATASET DIRECTORY GLOB PATH}. */
public final class ListAndStat {
  private ListAndStat() {}

  public static void main(String[] args) {
    try (LarderClient larder = LarderClient.connect()) {
      list(larder, args[0], args[1]);
      find(larder, args[0], args[2]);
      stat(larder, args[0], args[3]);
    }
  }

  static void list(LarderClient larder, String dataset, String directory) {
    Iterator<RemoteEntry> entries = larder.list(dataset, directory);
    while (entries.hasNext()) {
      RemoteEntry entry = entries.next();
      System.out.println(entry.type() + " " + entry.name() + " " + entry.sizeBytes());
    }
  }

  static void find(LarderClient larder, String dataset, String glob) {
    long bytes = 0;
    try (EntryStream files = larder.walk(dataset, glob)) {
      while (files.hasNext()) {
        bytes += files.next().sizeBytes();
      }
    }
    System.out.println(bytes + " bytes match " + glob);
  }

  static void stat(LarderClient larder, String dataset, String path) {
    try {
      RemoteEntry entry = larder.stat(dataset, path);
      System.out.println(entry.snapshot() + " " + entry.mtime() + " " + entry.key().orElse("-"));
    } catch (LarderException e) {
      if (e.code() != ErrorCode.NO_SUCH_PATH) {
        throw e;
      }
      System.out.println("there is no " + path);
    }
  }
}
