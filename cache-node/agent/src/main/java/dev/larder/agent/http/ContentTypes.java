package dev.larder.agent.http;

import java.util.Locale;
import java.util.Map;

/** Content types by file name extension: the kinds datasets hold, nothing guessed from content. */
final class ContentTypes {
  static final String BYTES = "application/octet-stream";
  static final String JSON = "application/json";
  static final String NDJSON = "application/x-ndjson";
  static final String PROBLEM = "application/problem+json";

  private static final Map<String, String> BY_EXTENSION =
      Map.ofEntries(
          Map.entry("csv", "text/csv"),
          Map.entry("gif", "image/gif"),
          Map.entry("gz", "application/gzip"),
          Map.entry("jpeg", "image/jpeg"),
          Map.entry("jpg", "image/jpeg"),
          Map.entry("json", JSON),
          Map.entry("jsonl", NDJSON),
          Map.entry("md", "text/markdown; charset=utf-8"),
          Map.entry("mp3", "audio/mpeg"),
          Map.entry("mp4", "video/mp4"),
          Map.entry("ndjson", NDJSON),
          Map.entry("parquet", "application/vnd.apache.parquet"),
          Map.entry("pdf", "application/pdf"),
          Map.entry("png", "image/png"),
          Map.entry("tar", "application/x-tar"),
          Map.entry("txt", "text/plain; charset=utf-8"),
          Map.entry("wav", "audio/wav"),
          Map.entry("webp", "image/webp"),
          Map.entry("yaml", "application/yaml"),
          Map.entry("yml", "application/yaml"),
          Map.entry("zip", "application/zip"),
          Map.entry("zst", "application/zstd"));

  private ContentTypes() {}

  static String of(String fileName) {
    int dot = fileName.lastIndexOf('.');
    return dot <= 0
        ? BYTES
        : BY_EXTENSION.getOrDefault(fileName.substring(dot + 1).toLowerCase(Locale.ROOT), BYTES);
  }
}
