package dev.larder.agent.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.FileInputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;

/** The guard of the event loops itself: it must see what it is there to see. */
class EventLoopTest {
  private final MultiThreadIoEventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(
          1, new DefaultThreadFactory("guarded", true), NioIoHandler.newFactory());

  @BeforeEach
  void install() {
    EventLoopGuard.install();
    EventLoopGuard.takeAll();
  }

  @AfterEach
  void close() throws Exception {
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).await();
  }

  @Test
  void loggingDoesNotWaitForWhoReadsTheLog() throws Exception {
    LoggerContext context = new LoggerContext();
    context.setMDCAdapter(new LogbackMDCAdapter());
    JoranConfigurator configurator = new JoranConfigurator();
    configurator.setContext(context);
    configurator.doConfigure(Path.of("../dist/src/main/resources/logback.xml").toFile());
    CountDownLatch reader = new CountDownLatch(1);
    AtomicLong written = new AtomicLong();
    PrintStream before = System.err;
    System.setErr(new PrintStream(new StuckStream(reader, written)));
    try {
      Logger log = context.getLogger("test");
      loops
          .submit(() -> {
            for (int i = 0; i < 20_000; i++) {
              log.warn("line {}", i);
            }
          })
          .get(20, TimeUnit.SECONDS);
      assertEquals(0, written.get());
      assertEquals(List.of(), EventLoopGuard.takeAll());
      reader.countDown();
      context.stop();
      assertTrue(written.get() > 50_000, "what was queued is written: " + written);
    } finally {
      reader.countDown();
      System.setErr(before);
    }
  }

  /** Takes nothing before it may. */
  private static final class StuckStream extends OutputStream {
    private final CountDownLatch mayWrite;
    private final AtomicLong written;

    StuckStream(CountDownLatch mayWrite, AtomicLong written) {
      this.mayWrite = mayWrite;
      this.written = written;
    }

    @Override
    public void write(int b) {
      // Like a full pipe, deaf to interrupts.
      while (mayWrite.getCount() > 0) {
        LockSupport.parkNanos(1_000_000);
      }
      written.incrementAndGet();
    }
  }

  @Test
  void theGuardSeesWhatWaitsOnAnEventLoop() throws Exception {
    assertTrue(loops.submit(EventLoopGuard::isGuarded).get());
    loops
        .submit(() -> {
          new CountDownLatch(1).await(1, TimeUnit.SECONDS);
          return true;
        })
        .await();
    loops
        .submit(() -> {
          try (FileInputStream in = new FileInputStream(Path.of("pom.xml").toFile())) {
            return in.read();
          }
        })
        .await();
    List<String> seen = EventLoopGuard.takeAll();
    assertTrue(seen.stream().anyMatch(s -> s.contains("park")), seen.toString());
    assertTrue(seen.stream().anyMatch(s -> s.contains("FileInputStream.read")), seen.toString());
    assertEquals(1, loops.submit(() -> 1).get());
    assertEquals(List.of(), EventLoopGuard.takeAll());
  }
}
