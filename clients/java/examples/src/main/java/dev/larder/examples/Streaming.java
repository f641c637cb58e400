package dev.larder.examples;

import dev.larder.client.LarderClient;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/** Reads a text file line by line, however long it is: {@code DATASET PATH WORD}. */
public final class Streaming {
  private Streaming() {}

  public static void main(String[] args) throws IOException {
    try (LarderClient larder = LarderClient.connect()) {
      System.out.println(linesWith(larder, args[0], args[1], args[2]) + " lines with " + args[2]);
    }
  }

  static long linesWith(LarderClient larder, String dataset, String path, String word)
      throws IOException {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(larder.openStream(dataset, path), StandardCharsets.UTF_8))) {
      return lines.lines().filter(line -> line.contains(word)).count();
    }
  }
}
