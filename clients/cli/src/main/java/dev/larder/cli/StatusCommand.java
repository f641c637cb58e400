package dev.larder.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.client.LarderClient;
import dev.larder.protocol.DataSize;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code larder status}: is it well, where did bytes come from, how full is the cache. */
@Command(name = "status", description = "Show whether the agent is well and what it did.")
final class StatusCommand implements Callable<Integer> {
  private static final int ROOT_SHOWN = 12;

  @Spec CommandSpec spec;
  @Mixin Output output;
  @Mixin AgentOption agent;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    try (LarderClient client = agent.connect()) {
      String text = client.control().statusJson();
      JsonNode status = Output.parse(text);
      switch (output.format) {
        case json -> Output.jsonText(out, text);
        case quiet -> out.println(status.path("ready").asBoolean() ? "ready" : "not-ready");
        case table -> print(out, status);
      }
      return status.path("ready").asBoolean() ? ExitCodes.OK : ExitCodes.UNAVAILABLE;
    }
  }

  static void print(PrintWriter out, JsonNode status) {
    out.printf(
        "larder %s at %s, pid %d, up %s%n",
        status.path("version").asText(),
        status.path("address").asText(),
        status.path("pid").asLong(),
        uptime(status.path("uptimeSeconds").asLong()));
    if (!status.path("ready").asBoolean()) {
      status.path("reasons").forEach(reason -> out.println("not ready: " + reason.asText()));
    }
    out.println();
    long total = 0;
    for (String source : new String[] {"local", "peer", "origin"}) {
      total += status.path("reads").path(source).path("bytes").asLong();
    }
    Output.Table reads = new Output.Table("READ FROM", ">BYTES", ">SHARE", ">REQUESTS");
    for (String source : new String[] {"local", "peer", "origin"}) {
      JsonNode one = status.path("reads").path(source);
      reads.row(
          source,
          DataSize.human(one.path("bytes").asLong()),
          total == 0
              ? "-"
              : String.format(Locale.ROOT, "%.1f%%", 100.0 * one.path("bytes").asLong() / total),
          String.valueOf(one.path("requests").asLong()));
    }
    reads.print(out);
    out.println();
    JsonNode cache = status.path("cache");
    out.printf(
        "cache   %s of %s used, %s pinned, %s catalogs, %d blobs complete, %d filling%n",
        DataSize.human(cache.path("usedBytes").asLong()),
        DataSize.human(cache.path("capacityBytes").asLong()),
        DataSize.human(pinned(cache)),
        DataSize.human(cache.path("catalogBytes").asLong()),
        cache.path("sealedBlobs").asLong(),
        cache.path("fillingBlobs").asLong());
    out.printf(
        "origin  %s fetched in %d requests, %d errors%n",
        DataSize.human(status.path("origin").path("bytes").asLong()),
        status.path("origin").path("requests").asLong(),
        status.path("origin").path("errors").asLong());
    JsonNode memory = status.path("memory");
    out.printf(
        "memory  heap %s of %s, direct %s, rocksdb %s, resident %s%n",
        DataSize.human(memory.path("heapUsedBytes").asLong()),
        DataSize.human(memory.path("heapMaxBytes").asLong()),
        DataSize.human(memory.path("directBytes").asLong()),
        DataSize.human(memory.path("rocksdbBytes").asLong()),
        DataSize.human(memory.path("rssBytes").asLong()));
    JsonNode coordinator = status.path("coordinator");
    JsonNode cluster = status.path("cluster");
    out.printf("coordinator  %s%n", coordinator(coordinator));
    causes(out, coordinator);
    out.printf(
        "cluster  %d nodes%s, member list %d%n",
        cluster.path("members").asLong(), fleet(cluster), cluster.path("epoch").asLong());
    peers(out, status.path("peers"));
    JsonNode certificate = status.path("certificate");
    if (certificate.path("expired").asBoolean()) {
      out.printf(
          "certificate  EXPIRED at %s: renew tls.certificate, no restart is needed%n",
          certificate.path("expiresAt").asText());
    }
    disputes(out, status.path("disputes"));
  }

  /** Why no coordinator answers, and what each of those that do found amiss at itself. */
  private static void causes(PrintWriter out, JsonNode coordinator) {
    String problem = coordinator.path("problem").asText("");
    if (!problem.isEmpty()) {
      out.printf("             %s%n", problem);
    }
    for (JsonNode each : coordinator.path("causes")) {
      out.printf(
          "             %s: %s%n", each.path("coordinator").asText(), each.path("detail").asText());
    }
  }

  /** States, zones, and how full all of them are together; nothing where no node is known. */
  private static String fleet(JsonNode cluster) {
    List<String> states = new ArrayList<>();
    for (String state : new String[] {"active", "joining", "draining"}) {
      long count = cluster.path("states").path(state).asLong();
      if (count > 0) {
        states.add(count + " " + state);
      }
    }
    if (states.isEmpty()) {
      return "";
    }
    long zones = cluster.path("zones").asLong();
    long heard = cluster.path("usedMembers").asLong();
    String capacity = DataSize.human(cluster.path("capacityBytes").asLong());
    String used =
        heard == 0
            ? capacity + " in all"
            : DataSize.human(cluster.path("usedBytes").asLong()) + " of " + capacity + " used";
    return " (%s)%s, %s%s"
        .formatted(
            String.join(", ", states),
            zones > 1 ? " in " + zones + " zones" : "",
            used,
            heard > 0 && heard < cluster.path("members").asLong()
                ? " (" + heard + " of them said so)"
                : "");
  }

  private static void peers(PrintWriter out, JsonNode peers) {
    long wrong = peers.path("wrongBlocks").asLong();
    long left = peers.path("left").asLong();
    boolean isTold = wrong > 0 || left > 0;
    if (isTold) {
      out.printf(
          "peers   %d wrong blocks came from members and were read elsewhere, %d members are left"
              + " alone for now%n",
          wrong, left);
    }
    members(out, "        left", peers.path("leftMembers"));
    long far = peers.path("farBytes").asLong();
    if (far > 0) {
      out.printf(
          "%s%s of %s from members came from other zones%n",
          isTold ? "        " : "peers   ",
          DataSize.human(far),
          DataSize.human(peers.path("bytes").asLong()));
      isTold = true;
    }
    members(
        out,
        (isTold ? "        " : "peers   ") + "trackers that do not answer",
        peers.path("silentTrackers"));
  }

  private static void members(PrintWriter out, String what, JsonNode members) {
    List<String> named = new ArrayList<>();
    members.forEach(member ->
        named.add(member.path("member").asText() + " (" + member.path("reason").asText() + ")"));
    if (!named.isEmpty()) {
      out.printf("%s: %s%n", what, String.join(", ", named));
    }
  }

  /** What users pinned: catalogs are kept by themselves, and no list of pins shows them. */
  private static long pinned(JsonNode cache) {
    return Math.max(0, cache.path("pinnedBytes").asLong() - cache.path("catalogBytes").asLong());
  }

  private static void disputes(PrintWriter out, JsonNode disputes) {
    long open = disputes.path("open").asLong();
    long settled = disputes.path("settled").asLong();
    if (open == 0 && settled == 0) {
      return;
    }
    out.printf(
        "roots   %d disputed, %d disputes settled, %d copies of this node were wrong%n",
        open, settled, disputes.path("lostHere").asLong());
    for (JsonNode blob : disputes.path("blobs")) {
      List<String> claims = new ArrayList<>();
      blob.path("claims")
          .forEach(claim ->
              claims.add(
                  claim.path("member").asText()
                      + (claim.path("readAgain").asBoolean() ? " read " : " sealed ")
                      + claim.path("root").asText().substring(0, ROOT_SHOWN)));
      out.printf(
          "        %s since %s: %s; %s%n",
          blob.path("key").asText(),
          CacheCommands.seconds(blob.path("since").asText()),
          String.join(", ", claims),
          blob.path("reader").asText().isEmpty()
              ? "no node is there to read the origin again"
              : blob.path("reader").asText() + " is to read the origin again");
    }
  }

  private static String coordinator(JsonNode coordinator) {
    long count = coordinator.path("coordinators").asLong();
    String leader = coordinator.path("leader").asText();
    String who =
        count <= 1
            ? ""
            : ", %d coordinators, %s, term %d"
                    .formatted(
                        count,
                        leader.isEmpty() ? "no leader" : "leader " + leader,
                        coordinator.path("term").asLong())
                + silent(coordinator.path("silent"));
    return switch (coordinator.path("state").asText()) {
      case "ok" -> "ok" + who;
      case "no-majority" -> "no majority answers: reads go on, changes wait" + who;
      default -> "unavailable: reads go on, changes wait" + who;
    };
  }

  private static String silent(JsonNode ids) {
    List<String> all = new ArrayList<>();
    ids.forEach(id -> all.add(id.asText()));
    return all.isEmpty()
        ? ""
        : "; " + String.join(", ", all) + (all.size() == 1 ? " does" : " do") + " not answer";
  }

  private static String uptime(long seconds) {
    return seconds < 120
        ? seconds + " s"
        : seconds < 7200 ? seconds / 60 + " min" : seconds / 3600 + " h";
  }
}
