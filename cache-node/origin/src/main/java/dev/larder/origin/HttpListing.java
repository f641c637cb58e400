package dev.larder.origin;

import dev.larder.origin.HttpOrigin.Probe;
import dev.larder.origin.HttpTransport.Answer;
import dev.larder.origin.Origin.ListingSink;
import dev.larder.origin.OriginMetrics.Operation;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * The files a manifest names, in its order. Some are asked for ahead, as each costs a round trip.
 * One thread.
 */
final class HttpListing {
  private static final int AHEAD_MAX = 16;
  // About a million lines; a manifest is read whole, so that it can be asked for again.
  private static final int MANIFEST_BYTES_MAX = 128 << 20;

  private final URI manifest;
  private final HttpFetch fetch;
  private final HttpOrigin origin;
  private final Requests requests;
  private final ListingSink sink;
  private final Deque<Pending> pending = new ArrayDeque<>();

  private record Pending(HttpManifest.Line line, Future<Probe> probe) {}

  HttpListing(
      URI manifest, HttpFetch fetch, HttpOrigin origin, Requests requests, ListingSink sink) {
    this.manifest = manifest;
    this.fetch = fetch;
    this.origin = origin;
    this.requests = requests;
    this.sink = sink;
  }

  void run() {
    byte[] text = requests.call(Operation.LIST, this::download);
    int ahead = Math.min(AHEAD_MAX, requests.context().limits().connectionsMax());
    HttpManifest parser = new HttpManifest(manifest);
    try (ExecutorService probes = Executors.newVirtualThreadPerTaskExecutor();
        BufferedReader lines =
            new BufferedReader(
                new InputStreamReader(new ByteArrayInputStream(text), StandardCharsets.UTF_8))) {
      try {
        long number = 0;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          Optional<HttpManifest.Line> parsed = parser.parse(line, ++number);
          if (parsed.isPresent()) {
            ask(probes, parsed.get());
          }
          if (pending.size() >= ahead) {
            hand();
          }
        }
        while (!pending.isEmpty()) {
          hand();
        }
      } finally {
        pending.forEach(one -> one.probe().cancel(true));
      }
    } catch (IOException e) {
      throw new LarderException(ErrorCode.BAD_ORIGIN, manifest + " is not text", e);
    }
  }

  private byte[] download(Watch watch) throws OriginFailure {
    Answer answer = fetch.send("GET", manifest, Map.of(), watch);
    if (answer.status() != 200) {
      throw fetch.failure(manifest.toString(), answer);
    }
    try (answer) {
      return answer.whole(MANIFEST_BYTES_MAX);
    } catch (HttpTransport.TooLongException e) {
      throw OriginFailure.lasting(
          ErrorCode.TOO_MANY,
          manifest + " has more than " + MANIFEST_BYTES_MAX + " bytes; split it");
    } catch (IOException e) {
      throw OriginFailure.passing(ErrorCode.ORIGIN_UNAVAILABLE, manifest + " broke off").because(e);
    }
  }

  private void ask(ExecutorService probes, HttpManifest.Line line) {
    Optional<String> fault = Names.fault(line.path());
    if (fault.isPresent()) {
      sink.skipped(line.path(), fault.get());
      return;
    }
    pending.add(new Pending(line, probes.submit(() -> origin.probe(line.url()))));
  }

  private void hand() {
    Pending next = pending.remove();
    HttpManifest.Line line = next.line();
    try {
      Probe probe = next.probe().get();
      if (probe.fault().isPresent()) {
        sink.skipped(line.path(), probe.fault().get());
      } else {
        sink.accept(probe.object(line.path(), line.url(), line.contentKey()));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, manifest + ": interrupted", e);
    } catch (ExecutionException e) {
      if (!(e.getCause() instanceof LarderException cause)) {
        throw new LarderException(ErrorCode.INTERNAL, manifest + ": " + line.url(), e.getCause());
      }
      if (cause.code() != ErrorCode.ORIGIN_GONE) {
        throw cause;
      }
      sink.skipped(line.path(), "the manifest names it, but the server does not have it");
    }
  }
}
