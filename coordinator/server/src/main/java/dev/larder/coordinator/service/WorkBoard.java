package dev.larder.coordinator.service;

import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.coordinator.api.HandOver;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.NodeProgress;
import dev.larder.coordinator.api.NodeSelector;
import dev.larder.coordinator.api.WarmUpJob;
import dev.larder.coordinator.api.WarmUpOverview;
import dev.larder.coordinator.api.WarmUpProgress;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What nodes said last of their work and of their stores. The leader's soft knowledge: nodes say it
 * again to each new leader, as their streams open. Any thread.
 */
public final class WorkBoard {
  private static final Logger log = LoggerFactory.getLogger(WorkBoard.class);

  private final int rowsMax;
  private final Map<String, Kept> byMember = new HashMap<>();
  private final Map<String, Long> usedBytes = new HashMap<>();
  private int rows;
  private boolean saidFull;

  private record Kept(Map<String, WarmUpProgress> warmUps, NodeProgress said) {}

  /** An empty board for at most {@code rowsMax} warm-ups of nodes. */
  public WorkBoard(int rowsMax) {
    this.rowsMax = rowsMax;
  }

  /** Takes what a member says in place of what it said before. */
  synchronized void said(String memberId, NodeProgress progress) {
    forgetWork(memberId);
    int room = rowsMax - rows;
    if (progress.warmUps().size() > room && !saidFull) {
      saidFull = true;
      log.warn("progress of warm-ups is left out: coordinator.warm-up-reports-max={}", rowsMax);
    }
    Map<String, WarmUpProgress> byWarmUp = new HashMap<>();
    for (WarmUpProgress each : progress.warmUps()) {
      if (byWarmUp.size() < room) {
        byWarmUp.put(each.warmUpId(), each);
      }
    }
    rows += byWarmUp.size();
    byMember.put(memberId, new Kept(byWarmUp, progress));
  }

  /** What a member's store uses on disk; said by members only, so as many as there are. */
  synchronized void used(String memberId, long bytes) {
    usedBytes.put(memberId, bytes);
  }

  /** What members' stores use, by id. */
  synchronized Map<String, Long> usedBytes() {
    return Map.copyOf(usedBytes);
  }

  /** The same in all. */
  synchronized CoordinatorStatus.Used used() {
    long sum = usedBytes.values().stream().mapToLong(Long::longValue).sum();
    return new CoordinatorStatus.Used(sum, usedBytes.size());
  }

  /** A member is gone. */
  synchronized void forget(String memberId) {
    usedBytes.remove(memberId);
    forgetWork(memberId);
  }

  private void forgetWork(String memberId) {
    Kept old = byMember.remove(memberId);
    rows -= old == null ? 0 : old.warmUps().size();
  }

  /** Leads no more: what was said is old. */
  synchronized void clear() {
    byMember.clear();
    usedBytes.clear();
    rows = 0;
    saidFull = false;
  }

  /** A warm-up and how far those are whom it means; an ended one means nobody. */
  WarmUpOverview overview(WarmUpJob job, Collection<MemberInfo> members) {
    Map<String, WarmUpProgress> nodes = new LinkedHashMap<>();
    Set<String> meant =
        job.isStanding() ? NodeSelector.parse(job.nodes()).of(members, job.id()) : Set.of();
    synchronized (this) {
      for (String id : meant) {
        Kept kept = byMember.get(id);
        WarmUpProgress said = kept == null ? null : kept.warmUps().get(job.id());
        nodes.put(id, said == null ? WarmUpProgress.unheard(job.id()) : said);
      }
    }
    return new WarmUpOverview(job, nodes);
  }

  /** How far members that drain are. */
  synchronized Map<String, HandOver> handOvers() {
    Map<String, HandOver> out = new HashMap<>();
    byMember.forEach(
        (id, kept) -> kept.said().handOver().ifPresent(handOver -> out.put(id, handOver)));
    return out;
  }
}
