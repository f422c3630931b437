"""Every alert and recording rule, once. dashboards/build.py writes them for a Prometheus of your own (dashboards/rules), for what
the operator makes for each cluster (operator/objects/assets) and for what its chart makes for the operator itself.

Names in expressions and texts that depend on where the rule goes:
  {$nodes}     which series of nodes: all, or those of one cluster
  {$scrape}    the same of `up`
  {$recorded}  the same of recorded series
  $member      the node that a series is of, with its cluster, in a sentence
  $cluster     the cluster in a sentence
  $CERTIFICATE_LEFT_SECONDS, $SNAPSHOT_AGE_SECONDS   bounds that the operator takes from the cluster's spec
  $OPERATOR, $OWN_NAMESPACE   the operator's Service and namespace
"""

from dataclasses import dataclass

CLUSTER_LABELS = "kube_namespace, cluster"
# Bounds of a Prometheus of your own: a certificate is renewed long before three days, a snapshot is taken every night.
DEFAULT_BOUNDS = {"$CERTIFICATE_LEFT_SECONDS": str(3 * 86400), "$SNAPSHOT_AGE_SECONDS": str(2 * 86400)}


@dataclass
class Record:
    name: str
    expr: str


@dataclass
class Alert:
    name: str
    expr: str
    wait: str  # how long it must hold
    severity: str  # critical: somebody gets up; warning: in working hours; info: worth knowing
    summary: str
    impact: str
    action: str


def by_cluster(function, inner):
    return f"{function} by ({CLUSTER_LABELS}) ({inner})"


def quantile(share, metric):
    inner = f"sum by ({CLUSTER_LABELS}, le) (rate({metric}_bucket{{$nodes}}[5m]))"
    return f"histogram_quantile({share}, {inner})"


def share_of_hits(window):
    def a_second(metric):
        return by_cluster("sum", f"rate({metric}{{$nodes}}[{window}])")

    return a_second("ferrocache_queries_hit_total") + " / " + a_second("ferrocache_queries_total")


RECORDS = [
    Record("ferrocache:queries:rate5m", by_cluster("sum", "rate(ferrocache_queries_total{$nodes}[5m])")),
    Record("ferrocache:hit_rate:5m", share_of_hits("5m")),
    Record("ferrocache:hit_rate:1d", share_of_hits("1d")),
    Record("ferrocache:query_duration_seconds:p50", quantile(0.5, "ferrocache_query_duration_seconds")),
    Record("ferrocache:query_duration_seconds:p99", quantile(0.99, "ferrocache_query_duration_seconds")),
    Record("ferrocache:insert_duration_seconds:p50", quantile(0.5, "ferrocache_insert_duration_seconds")),
    Record("ferrocache:insert_duration_seconds:p99", quantile(0.99, "ferrocache_insert_duration_seconds")),
    Record("ferrocache:wal_sync_seconds:mean",
           "rate(ferrocache_wal_sync_seconds_sum{$nodes}[5m]) / rate(ferrocache_wal_sync_seconds_count{$nodes}[5m])"),
]

OF_NODES = [
    Alert("FerroCacheClusterDown",
          by_cluster("max", "ferrocache_ready{$nodes} or 0 * up{$scrape}") + " == 0", "2m", "critical",
          "No node of $cluster is ready, or none can be scraped.",
          "Every lookup fails: applications pay for every completion.",
          "/readyz of a node says why; on Kubernetes conditions and blockedBy of the FerroCacheCluster."),
    Alert("FerroCacheNodeDown", "up{$scrape} == 0", "2m", "warning",
          "$member cannot be scraped.",
          "Its share is served by the other owners and has one copy less; with a single copy its entries are misses.",
          "Look whether its process or pod runs, and why it ended."),
    Alert("FerroCacheNotReady", "ferrocache_ready{$nodes} == 0", "5m", "warning",
          "$member runs and has not been ready for five minutes.",
          "It takes no client traffic. Nothing that needs all nodes (rolls, scaling) goes on.",
          "GET /readyz of the node and its log name the reason."),
    Alert("FerroCacheShedding", "rate(ferrocache_http_requests_shed_total{$nodes}[5m]) > 0", "5m", "warning",
          "$member answers 503 because too many requests are in flight.",
          "Clients are turned away and come again later, or pay.",
          "Add nodes, or raise http.max_inflight_requests if processor and latency have room."),
    Alert("FerroCacheHitRateDrop",
          "ferrocache:hit_rate:5m{$recorded} < 0.5 * ferrocache:hit_rate:1d{$recorded}"
          " and ferrocache:queries:rate5m{$recorded} > 1", "15m", "warning",
          "The hit rate of $cluster has fallen below half of the last day's.",
          "Completions are paid for that were free yesterday.",
          "Look for a changed model_id, prompt or cache_scope, for evictions and for dropped namespaces."),
    Alert("FerroCacheLowCopies", by_cluster("max", "ferrocache_partitions_under_replicated{$nodes}") + " > 0", "5m", "warning",
          "{{ $value }} partitions of $cluster have fewer live copies than they should.",
          "The loss of another node may lose entries.",
          "Bring the missing node back; after half a minute without it the others make new copies by themselves."),
    Alert("FerroCacheCopiesOutOfStep", "ferrocache_partitions_out_of_step{$nodes} > 0", "30m", "warning",
          "Copies of partitions on $member have differed for half an hour.",
          "A lookup may miss what another node has.",
          "Look for failed calls to a peer (ferrocache_peer_calls_failed_total) and at the node's log."),
    Alert("FerroCacheReplicationStalled", "ferrocache_replication_lag_seconds{$nodes} > 30", "2m", "warning",
          "A live owner has not confirmed a write of $member for {{ $value | humanizeDuration }}.",
          "Copies differ until it is repaired; writes that wait for all owners are slow.",
          "Compare ferrocache_peer_reachable and ferrocache_peer_latency_seconds between the nodes."),
    Alert("FerroCacheRingDisagreement",
          by_cluster("max", "ferrocache_ring_epoch{$nodes}") + " - " + by_cluster("min", "ferrocache_ring_epoch{$nodes}") + " > 0",
          "10m", "warning",
          "Nodes of $cluster go by different rings.",
          "A part of the cluster may be cut off and serve what it owned before.",
          "Compare nodes and refused_links in /cluster/status of every node; heal the network or the certificates."),
    # Beyond 30 s a node is not ready by its own judgement; this is to be told before.
    Alert("FerroCacheClockSkew", "abs(ferrocache_clock_ahead_seconds{$nodes}) > 5", "5m", "warning",
          "The clock of $member is {{ $value | humanizeDuration }} off most other nodes'.",
          "Which of two writes is the later one is decided by clocks; beyond 30 seconds the node stops being ready.",
          "Look at time synchronisation of that machine (chronyc tracking, timedatectl) and of the others."),
    Alert("FerroCacheHintsDropped", "increase(ferrocache_hints_dropped_total{$nodes}[15m]) > 0", "0m", "info",
          "$member gave up operations that it kept for a node that is down.",
          "None for data: comparing copies brings them when the node is back, which takes longer.",
          "Bring the node back, or take it out for good."),
    Alert("FerroCacheLogSyncSlow", "ferrocache:wal_sync_seconds:mean{$recorded} > 0.05", "10m", "warning",
          "A log sync on $member takes {{ $value | humanizeDuration }} on average.",
          "Every insert waits for one; queries are not affected.",
          "Look at the volume: its class, its neighbours, its limits."),
    Alert("FerroCacheDiskFilling",
          # A trend needs some hours behind it: minutes of filling say nothing about a day.
          "ferrocache_disk_available_bytes{$nodes} / ferrocache_disk_bytes{$nodes} < 0.1"
          " or (predict_linear(ferrocache_disk_available_bytes{$nodes}[6h], 24 * 3600) < 0"
          " and ferrocache_disk_available_bytes{$nodes} / ferrocache_disk_bytes{$nodes} < 0.4"
          " and ferrocache_disk_bytes{$nodes} offset 3h > 0)", "15m", "warning",
          "The disk of $member fills up.",
          "When it is full inserts answer 507 there; queries go on.",
          "Compact (POST /admin/compact, or spec.snapshots.compactGeneration), or grow the volume (spec.storage.size)."),
    Alert("FerroCacheMemoryAtBudget",
          "ferrocache_memory_bytes{$nodes} / ferrocache_memory_max_bytes{$nodes} > 0.95"
          " and rate(ferrocache_evictions_total{$nodes}[10m]) > 0", "15m", "warning",
          "$member is at its memory budget and evicts.",
          "The least recently used entries leave; the hit rate suffers.",
          "More nodes, more memory for each, or a cap on single tenants (hnsw.max_entries_per_namespace)."),
    Alert("FerroCacheSnapshotFailed", "ferrocache_snapshot_failed{$nodes} == 1", "5m", "warning",
          "The latest snapshot of $member failed.",
          "The log grows and is not recycled; no entry is lost.",
          "The node's log says why, most often a full volume."),
    # A node that is hardly written to takes no snapshots by itself, and has next to nothing to replay.
    Alert("FerroCacheSnapshotTooOld",
          "ferrocache_snapshot_age_seconds{$nodes} > $SNAPSHOT_AGE_SECONDS"
          " and ferrocache_wal_bytes{$nodes} > 64 * 1024 * 1024", "15m", "warning",
          "The latest snapshot of $member is {{ $value | humanizeDuration }} old.",
          "A restart replays all the log behind it.",
          "POST /admin/compact; on Kubernetes blockedBy of the FerroCacheCluster says what holds compaction back."),
    Alert("FerroCacheCertificateNearExpiry",
          "ferrocache_certificate_expiry_timestamp_seconds{$nodes} - time() < $CERTIFICATE_LEFT_SECONDS"
          " or ferrocache_node_certificate_expiry_timestamp_seconds{$nodes} - time() < $CERTIFICATE_LEFT_SECONDS",
          "5m", "critical",
          "A certificate of $member ends in {{ $value | humanizeDuration }} and should have been renewed.",
          "After that nodes refuse each other, or clients refuse the node.",
          "See whether the operator runs and what CertificatesReady says; raise spec.tls.rotateGeneration, or replace the files."),
    Alert("FerroCacheReloadFailed",
          "ferrocache_token_reload_failed{$nodes} == 1 or ferrocache_certificate_reload_failed{$nodes} == 1"
          " or ferrocache_node_certificate_reload_failed{$nodes} == 1", "5m", "warning",
          "$member cannot use changed tokens or certificates and keeps the former ones.",
          "A rotation does not come through; the former material may run out.",
          "The node's log says which file and why."),
    Alert("FerroCacheTokensDiffer",
          by_cluster("max", "ferrocache_token_generation{$nodes}") + " - "
          + by_cluster("min", "ferrocache_token_generation{$nodes}") + " > 0", "15m", "warning",
          "Nodes of $cluster have had different generations of tokens for a quarter of an hour.",
          "The same client is let in by one node and refused by another; a rotation stands still.",
          "Compare auth.generations in /cluster/status; on the node that is behind look at its token file and its log."),
    Alert("FerroCacheOldTokenUsed", "time() - ferrocache_old_token_last_used_timestamp_seconds{$nodes} < 600", "30m", "warning",
          "Clients of $member still send a token that has been replaced.",
          "They will be refused when it is taken away.",
          "Restart those clients, or let them read the token file again."),
]

JOB = 'job="$OPERATOR"'
BLOCKED_SINCE = "ferrocache_operator_cluster_blocked_since_timestamp_seconds"
EXPIRY = "ferrocache_operator_certificate_expiry_timestamp_seconds"
PASSES = "ferrocache_operator_reconcile_total"
LAST_CONTACT = "ferrocache_operator_watch_last_contact_timestamp_seconds{%s}" % JOB
ROTATING = 'action=~"RotateToken|LoadTokens|ReplaceCA|RenewCertificates",rule!~"OverlapRunning|OldTokenInUse"'

OF_THE_OPERATOR = [
    Alert("FerroCacheOperatorDown", "(sum(ferrocache_operator_leader{%s}) or vector(0)) < 1" % JOB, "5m", "critical",
          "No FerroCache operator has led for five minutes.",
          "Clusters serve on, but nothing is renewed, rolled, scaled or replaced; certificates end some day.",
          "kubectl -n $OWN_NAMESPACE get pods,lease; kubectl -n $OWN_NAMESPACE logs deploy/$OPERATOR"),
    Alert("FerroCacheOperatorFailing",
          'sum by (job) (rate(%s{%s,result="failed"}[15m])) / sum by (job) (rate(%s{%s}[15m])) > 0.5' % (PASSES, JOB, PASSES, JOB),
          "15m", "warning",
          "Over half of the operator's passes fail.",
          "Changes of some cluster do not take effect.",
          "Its log says which cluster and why; ferrocache_operator_api_requests_total by code whether the API server refuses."),
    # The queue of a process that does not lead stands still by design.
    Alert("FerroCacheOperatorQueueStuck",
          "ferrocache_operator_queue_oldest_seconds{%s} > 300 and ferrocache_operator_leader{%s} == 1" % (JOB, JOB),
          "5m", "warning",
          "A cluster has waited for the operator for over five minutes.",
          "Changes take effect late.",
          "Look for slow requests (ferrocache_operator_api_request_duration_seconds) and at the operator's processor."),
    Alert("FerroCacheOperatorDeaf", "time() - %s > 900 and %s > 0" % (LAST_CONTACT, LAST_CONTACT), "5m", "warning",
          "The operator's watch of {{ $labels.resource }} has heard nothing for a quarter of an hour, not even a bookmark.",
          "Changes of that kind are not seen.",
          "Check the connection to the API server, and the operator's rights."),
    Alert("FerroCacheUnavailable",
          'ferrocache_operator_cluster_condition{%s,type="Available"} == 0'
          ' unless on (namespace, name) ferrocache_operator_cluster_phase{%s,phase="Hibernated"} == 1' % (JOB, JOB),
          "5m", "critical",
          "{{ $labels.namespace }}/{{ $labels.name }} has not been available for five minutes.",
          "Lookups miss or fail.",
          "kubectl -n {{ $labels.namespace }} describe fcc {{ $labels.name }}"),
    Alert("FerroCacheSpecNotApplied", 'ferrocache_operator_cluster_phase{%s,phase="Failed"} == 1' % JOB, "10m", "warning",
          "The operator cannot act on the resource {{ $labels.namespace }}/{{ $labels.name }}.",
          "The cluster stays as it is.",
          "kubectl -n {{ $labels.namespace }} describe fcc {{ $labels.name }}; the condition Progressing names the field."),
    Alert("FerroCacheBlocked", "time() - %s{%s} > 3600" % (BLOCKED_SINCE, JOB), "5m", "warning",
          "{{ $labels.action }} of {{ $labels.namespace }}/{{ $labels.name }} has waited for over an hour: {{ $labels.rule }}"
          " {{ $labels.member }}.",
          "What was asked for does not happen.",
          "kubectl -n {{ $labels.namespace }} get fcc {{ $labels.name }} -o yaml says in status.blockedBy what has to change."),
    Alert("FerroCacheRotationStalled", "time() - %s{%s,%s} > 1800" % (BLOCKED_SINCE, JOB, ROTATING), "5m", "warning",
          "{{ $labels.action }} of {{ $labels.namespace }}/{{ $labels.name }} has stood still for half an hour: {{ $labels.rule }}"
          " {{ $labels.member }}.",
          "Tokens or certificates are not replaced; those in force end some day.",
          "kubectl -n {{ $labels.namespace }} get fcc {{ $labels.name }} -o yaml says in status.blockedBy what has to change."),
    Alert("FerroCacheAuthorityExpires",
          # The operator's own lives for a day and is renewed after half of it.
          '%s{%s,certificate!="operator"} - time() < 86400 or %s{%s,certificate="operator"} - time() < 6 * 3600'
          % (EXPIRY, JOB, EXPIRY, JOB), "10m", "critical",
          "{{ $labels.certificate }} of {{ $labels.namespace }}/{{ $labels.name }} ends in {{ $value | humanizeDuration }} and"
          " should have been replaced.",
          "When it ends, nodes refuse each other.",
          "The condition CertificatesReady and status.blockedBy say what holds the replacement up."),
    Alert("FerroCachePausedForLong", "min_over_time(ferrocache_operator_cluster_paused{%s}[24h]) == 1" % JOB, "0m", "info",
          "{{ $labels.namespace }}/{{ $labels.name }} has been paused for a day.",
          "The operator renews its certificates and does nothing else.",
          "Set spec.paused to false when the work is done."),
]
