package dev.larder.linux;

/** Which flags of open(2) differ between the machines we run on. */
final class Platform {
  static final int O_DIRECTORY;
  static final int O_NOFOLLOW;
  static final int O_DIRECT;

  static {
    String machine = System.getProperty("os.arch");
    switch (machine) {
      case "amd64", "x86_64" -> {
        O_DIRECT = 0x4000;
        O_DIRECTORY = 0x10000;
        O_NOFOLLOW = 0x20000;
      }
      case "aarch64" -> {
        O_DIRECTORY = 0x4000;
        O_NOFOLLOW = 0x8000;
        O_DIRECT = 0x10000;
      }
      default ->
          throw new UnsupportedOperationException("no system calls are known for " + machine);
    }
  }

  private Platform() {}
}
