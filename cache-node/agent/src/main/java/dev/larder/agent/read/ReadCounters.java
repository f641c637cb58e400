package dev.larder.agent.read;

import dev.larder.agent.read.BlobRead.Source;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** What readers were handed, by where it was when first asked for. Any thread. */
public final class ReadCounters {
  private final Map<Source, LongAdder> bytes = new EnumMap<>(Source.class);
  private final Map<Source, LongAdder> requests = new EnumMap<>(Source.class);

  /** All zero. */
  public ReadCounters() {
    for (Source source : Source.values()) {
      bytes.put(source, new LongAdder());
      requests.put(source, new LongAdder());
    }
  }

  /** Bytes handed out from a source. */
  public long bytes(Source source) {
    return adder(bytes, source).sum();
  }

  /** Reads whose first byte came from a source. */
  public long requests(Source source) {
    return adder(requests, source).sum();
  }

  /** All of them by metric name, without prefix. */
  public Map<String, Long> snapshot() {
    Map<String, Long> out = new LinkedHashMap<>();
    for (Source source : Source.values()) {
      String name = source.name().toLowerCase(Locale.ROOT);
      out.put("read_" + name + "_bytes_total", bytes(source));
      out.put("read_" + name + "_requests_total", requests(source));
    }
    return out;
  }

  /** Bytes handed out past the read plane, by a mount that found them in the store itself. */
  public void servedDirectly(Source source, long count) {
    handedOut(source, count, true);
  }

  void handedOut(Source source, long count, boolean isFirst) {
    adder(bytes, source).add(count);
    if (isFirst) {
      adder(requests, source).increment();
    }
  }

  private static LongAdder adder(Map<Source, LongAdder> adders, Source source) {
    LongAdder adder = adders.get(source);
    if (adder == null) {
      throw new IllegalStateException("no counter for " + source);
    }
    return adder;
  }
}
