package dev.larder.erofs;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Merges sorted runs by a binary heap of their readers. */
final class MergeCursor implements RecordCursor {
  private final RecordCursor[] heap;
  private int live;
  private boolean started;

  private MergeCursor(RecordCursor[] heap) {
    this.heap = heap;
    this.live = heap.length;
  }

  static RecordCursor open(List<Path> runs, int bufferBytes) throws IOException {
    List<RecordCursor> readers = new ArrayList<>(runs.size());
    try {
      for (Path run : runs) {
        readers.add(new RunFile.Reader(run, bufferBytes));
      }
    } catch (IOException e) {
      for (RecordCursor reader : readers) {
        try {
          reader.close();
        } catch (IOException suppressed) {
          e.addSuppressed(suppressed);
        }
      }
      throw e;
    }
    return new MergeCursor(readers.toArray(RecordCursor[]::new));
  }

  @Override
  public boolean next() throws IOException {
    if (!started) {
      start();
    } else if (live > 0) {
      advanceTop();
    }
    return live > 0;
  }

  private void start() throws IOException {
    started = true;
    for (int i = 0; i < live; ) {
      if (heap[i].next()) {
        i++;
      } else {
        retire(i);
      }
    }
    for (int i = live / 2 - 1; i >= 0; i--) {
      siftDown(i);
    }
  }

  private void advanceTop() throws IOException {
    if (!heap[0].next()) {
      retire(0);
    }
    siftDown(0);
  }

  private void retire(int index) {
    live--;
    RecordCursor done = heap[index];
    heap[index] = heap[live];
    heap[live] = done;
  }

  private void siftDown(int from) {
    int parent = from;
    while (true) {
      int child = 2 * parent + 1;
      if (child >= live) {
        return;
      }
      if (child + 1 < live && heap[child + 1].compareTo(heap[child]) < 0) {
        child++;
      }
      if (heap[parent].compareTo(heap[child]) <= 0) {
        return;
      }
      RecordCursor moving = heap[parent];
      heap[parent] = heap[child];
      heap[child] = moving;
      parent = child;
    }
  }

  @Override
  public byte[] bytes() {
    return heap[0].bytes();
  }

  @Override
  public int offset() {
    return heap[0].offset();
  }

  @Override
  public int length() {
    return heap[0].length();
  }

  @Override
  public void close() throws IOException {
    IOException fault = null;
    for (RecordCursor reader : heap) {
      try {
        reader.close();
      } catch (IOException e) {
        if (fault == null) {
          fault = e;
        } else {
          fault.addSuppressed(e);
        }
      }
    }
    if (fault != null) {
      throw fault;
    }
  }
}
