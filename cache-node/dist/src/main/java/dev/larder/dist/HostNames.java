package dev.larder.dist;

import java.security.Security;

/**
 * How long a host's address is believed. Java asks again after 30 s, and gRPC, too; a pod that is
 * started again has the same name and another address, and would not be found for as long.
 */
final class HostNames {
  private static final String FOUND_SECONDS = "5";
  private static final String NOT_FOUND_SECONDS = "1";

  private HostNames() {}

  /** Before the first name is looked up; what was set by whoever starts the process stays. */
  static void forgetSoon() {
    set("networkaddress.cache.ttl", FOUND_SECONDS);
    set("networkaddress.cache.negative.ttl", NOT_FOUND_SECONDS);
  }

  private static void set(String key, String seconds) {
    // gRPC reads the system's property, Java the one of its security settings.
    String given = System.getProperty(key);
    if (given == null) {
      System.setProperty(key, seconds);
    }
    Security.setProperty(key, given == null ? seconds : given);
  }
}
