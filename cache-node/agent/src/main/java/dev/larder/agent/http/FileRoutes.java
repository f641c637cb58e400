package dev.larder.agent.http;

import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.dataset.Datasets.Type;
import dev.larder.agent.dataset.QuickStat;
import dev.larder.agent.fill.SmallContent;
import dev.larder.agent.http.FilePlan.Meta;
import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.BlobRead.Source;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore.BlobInfo;
import dev.larder.store.BlobStore.State;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.Optional;

/** Files of datasets and blobs by key. */
final class FileRoutes {
  /** Says which root the agent checked the bytes against, so that a reader can check them too. */
  static final String ROOT = "Larder-Root";

  private final DoorServices services;

  FileRoutes(DoorServices services) {
    this.services = services;
  }

  /**
   * Event loop: answers a small local file at once.
   *
   * @return false when a worker must look
   */
  boolean tryNow(Exchange exchange) {
    Request request = exchange.request();
    if (!request.target().query().isEmpty()) {
      return false;
    }
    Meta meta;
    SmallContent content;
    if (request.route() == Route.BLOB) {
      BlobKey key = BlobKey.parse(request.component(1));
      content = services.localSmall().tryLocalSmall(key);
      if (content == null) {
        return false;
      }
      meta = blobMeta(key, content.size());
    } else {
      SnapshotRef ref = SnapshotRef.parse(request.component(1));
      QuickStat.Found found = services.quickStat().tryStat(ref, request.target().pathFrom(2));
      if (found == null
          || found.entry().type() != Type.FILE
          || found.entry().key().isEmpty()
          || !Blocks.isSmall(found.entry().sizeBytes())) {
        return false;
      }
      content = services.localSmall().tryLocalSmall(found.entry().key().get());
      if (content == null || content.size() != found.entry().sizeBytes()) {
        return false;
      }
      meta = fileMeta(ref, found.snapshot(), found.entry());
    }
    FilePlan plan = plan(request, meta);
    plan.head().add("Larder-Local", "true").add(ROOT, content.root().hex());
    ByteBuffer part = content.bytes().slice((int) plan.offset(), (int) plan.length());
    BlobPump.count(exchange, Source.LOCAL, part.remaining(), true);
    exchange.answer(plan.head(), Unpooled.wrappedBuffer(part));
    return true;
  }

  /** Worker: a blob by key. */
  void blob(Exchange exchange) {
    Request request = exchange.request();
    BlobKey key = BlobKey.parse(request.component(1));
    if (request.isHead()) {
      Optional<BlobInfo> info = services.store().find(key);
      if (info.isPresent()) {
        FilePlan plan = plan(request, blobMeta(key, info.get().sizeBytes()));
        plan.head().add("Larder-Local", Boolean.toString(info.get().state() == State.SEALED));
        exchange.answer(plan.head(), null);
        return;
      }
    }
    BlobRead read =
        exchange.own(
            services
                .reads()
                .open(key, FilePlan.intent(request))
                .orElseThrow(() ->
                    new LarderException(
                        ErrorCode.UNKNOWN_BLOB,
                        "blob " + key + " is not here and no attached dataset lists it")));
    FilePlan plan = plan(request, blobMeta(key, read.sizeBytes()));
    send(exchange, read, plan);
  }

  /** Worker: a file of a snapshot. */
  void file(Exchange exchange, SnapshotRef ref, long snapshot, Entry entry) {
    Request request = exchange.request();
    Meta meta = fileMeta(ref, snapshot, entry);
    FilePlan plan = plan(request, meta);
    if (plan.length() == 0) {
      boolean local =
          entry.sizeBytes() == 0
              || services
                  .store()
                  .find(meta.key())
                  .map(info -> info.state() == State.SEALED)
                  .orElse(false);
      plan.head().add("Larder-Local", Boolean.toString(local));
      exchange.answer(plan.head(), null);
      return;
    }
    SnapshotRef exact = new SnapshotRef(ref.dataset(), java.util.OptionalLong.of(snapshot));
    BlobRead read =
        exchange.own(
            services
                .reads()
                .open(services.datasets().source(exact, entry), FilePlan.intent(request)));
    send(exchange, read, plan);
  }

  private static void send(Exchange exchange, BlobRead read, FilePlan plan) {
    plan.head().add("Larder-Local", Boolean.toString(read.isLocal()));
    if (plan.length() == 0) {
      exchange.closeRead();
      exchange.answer(plan.head(), null);
    } else {
      new BlobPump(exchange, read, plan).run();
    }
  }

  private static FilePlan plan(Request request, Meta meta) {
    try {
      return FilePlan.of(request, meta);
    } catch (LarderException e) {
      if (e.code() == ErrorCode.BAD_RANGE) {
        throw new FaultException(Fault.of(e).with("Content-Range: bytes */" + meta.sizeBytes()), e);
      }
      throw e;
    }
  }

  private static Meta blobMeta(BlobKey key, long sizeBytes) {
    return new Meta(key, sizeBytes, Optional.empty(), ContentTypes.BYTES, null);
  }

  private static Meta fileMeta(SnapshotRef ref, long snapshot, Entry entry) {
    BlobKey key =
        entry
            .key()
            .orElseThrow(() ->
                new LarderException(ErrorCode.CATALOG_CORRUPT, "a file of the catalog has no key"));
    return new Meta(
        key,
        entry.sizeBytes(),
        Optional.of(entry.mtime()),
        ContentTypes.of(entry.name()),
        ref.dataset() + "@" + snapshot);
  }
}
