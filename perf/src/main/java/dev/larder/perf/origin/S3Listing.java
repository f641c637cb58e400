package dev.larder.perf.origin;

import dev.larder.perf.origin.ServedFiles.Served;
import java.util.Map;

/** Pages of ListObjectsV2. */
final class S3Listing {
  private static final int PAGE_OBJECTS_MAX = 1000;

  private S3Listing() {}

  /** One page; the continuation token is the last name of the page before. */
  static String page(ServedFiles files, String path, Map<String, String> query) {
    String prefix = query.getOrDefault("prefix", "");
    String after = query.getOrDefault("continuation-token", query.getOrDefault("start-after", ""));
    int most = Math.min(PAGE_OBJECTS_MAX, Integer.parseInt(query.getOrDefault("max-keys", "1000")));
    StringBuilder contents = new StringBuilder();
    int count = 0;
    String last = "";
    boolean more = false;
    for (Map.Entry<String, Served> entry : files.after(after).entrySet()) {
      if (!entry.getKey().startsWith(prefix)) {
        continue;
      }
      if (count == most) {
        more = true;
        break;
      }
      count++;
      last = entry.getKey();
      contents.append(object(entry.getKey(), entry.getValue()));
    }
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        + "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>"
        + path.replace("/", "")
        + "</Name><Prefix>"
        + prefix
        + "</Prefix><KeyCount>"
        + count
        + "</KeyCount><MaxKeys>"
        + most
        + "</MaxKeys><IsTruncated>"
        + more
        + "</IsTruncated>"
        + (more ? "<NextContinuationToken>" + last + "</NextContinuationToken>" : "")
        + contents
        + "</ListBucketResult>";
  }

  private static String object(String name, Served file) {
    return "<Contents><Key>"
        + name
        + "</Key><LastModified>"
        + file.lastModified()
        + "</LastModified><ETag>&quot;"
        + file.etag()
        + "&quot;</ETag><Size>"
        + file.sizeBytes()
        + "</Size><StorageClass>STANDARD</StorageClass></Contents>";
  }
}
