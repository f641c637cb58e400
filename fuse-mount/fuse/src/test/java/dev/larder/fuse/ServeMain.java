package dev.larder.fuse;

import dev.larder.linux.Fd;
import dev.larder.linux.FuseDevice;
import dev.larder.linux.Message;
import dev.larder.linux.SeqPacketSocket;
import dev.larder.linux.SharedMemory;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;

/** Serves {@link TestBlobs} on a connection that the parent hands over: an agent to be killed. */
final class ServeMain {
  static final FuseConfig CONFIG =
      new FuseConfig(128, 4096, 4, 64, 16L << 20, 16, Duration.ofSeconds(60), true);

  private ServeMain() {}

  /** Socket, directory of blobs, longest wait of a read in ns. */
  public static void main(String[] arguments) throws Exception {
    TestBlobs blobs = new TestBlobs(Path.of(arguments[1]), Long.parseLong(arguments[2]));
    FuseDevice device;
    SharedMemory memory;
    try (SeqPacketSocket keeper = SeqPacketSocket.connect(Path.of(arguments[0]));
        Message message = keeper.receive(100, 10_000)) {
      Fd fuse = message.take();
      device = FuseDevice.adopt(fuse);
      memory = SharedMemory.attach(message.take());
    }
    SharedState state = SharedState.open(memory.memory());
    FuseServer server =
        new FuseServer(
            CONFIG,
            device.fd(),
            state,
            blobs,
            Rig.backings(device),
            fault -> Runtime.getRuntime().halt(99));
    server.start();
    say("ready " + server.stats().adopted() + " " + server.stats().answeredBefore());
    BufferedReader input =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    String line = input.readLine();
    if ("close".equals(line)) {
      server.close();
      say("closed " + server.stats());
      Runtime.getRuntime().halt(0);
    }
    Runtime.getRuntime().halt(1);
  }

  private static void say(String line) {
    System.out.println(line);
    System.out.flush();
  }
}
