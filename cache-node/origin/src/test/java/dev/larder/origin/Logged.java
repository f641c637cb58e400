package dev.larder.origin;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.core.joran.spi.JoranException;
import ch.qos.logback.core.read.ListAppender;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.slf4j.LoggerFactory;

/**
 * Everything that is logged until it is closed, with the levels that the distribution's own log
 * configuration sets when a person asks for DEBUG. One thread.
 */
final class Logged implements AutoCloseable {
  static final Path SHIPPED = Path.of("../dist/src/main/resources/logback.xml");

  private final Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
  private final ListAppender<ILoggingEvent> appender = new ListAppender<>();
  private final Map<Logger, Level> before = new HashMap<>();

  private Logged() {}

  static Logged asShipped() throws JoranException {
    LoggerContext shipped = new LoggerContext();
    shipped.putProperty("LARDER_LOG", "DEBUG");
    JoranConfigurator configurator = new JoranConfigurator();
    configurator.setContext(shipped);
    configurator.doConfigure(SHIPPED.toFile());
    Logged logged = new Logged();
    for (Logger logger : shipped.getLoggerList()) {
      if (logger.getLevel() != null) {
        logged.level((Logger) LoggerFactory.getLogger(logger.getName()), logger.getLevel());
      }
    }
    logged.appender.start();
    logged.root.addAppender(logged.appender);
    LoggerFactory.getLogger(Logged.class).debug(ChildRead.MARK);
    return logged;
  }

  private void level(Logger logger, Level level) {
    before.put(logger, logger.getLevel());
    logger.setLevel(level);
  }

  /** Messages, and those of what was thrown; nothing is collected any more. */
  List<String> lines() {
    appender.stop();
    Assertions.assertEquals(ChildRead.MARK, appender.list.getFirst().getMessage());
    return List.copyOf(appender.list).stream().flatMap(Logged::lines).toList();
  }

  private static Stream<String> lines(ILoggingEvent event) {
    return Stream.concat(
        Stream.of(event.getLoggerName() + ": " + event.getFormattedMessage()),
        Stream.iterate(event.getThrowableProxy(), t -> t != null, IThrowableProxy::getCause)
            .map(t -> String.valueOf(t.getMessage())));
  }

  @Override
  public void close() {
    root.detachAppender(appender);
    before.forEach(Logger::setLevel);
  }
}
