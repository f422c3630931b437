"""Do the nodes agree, and does every entry have its copies."""

from .model import Dashboard, Panel, Row, q

DASHBOARD = Dashboard(
    uid="ferrocache-cluster",
    title="FerroCache / Cluster and replication",
    description="Membership, copies, repair and what is on its way between nodes.",
    rows=[
        Row("Members", [
            Panel("Members as each node sees them", [q("ferrocache_cluster_nodes{$nodes}", "{{node}}")],
                  description="Lines apart: nodes disagree about who is there."),
            Panel("Ring epoch", [q("ferrocache_ring_epoch{$nodes}", "{{node}}")],
                  description="Equal on nodes that agree who owns what; steps up with every change of members."),
            Panel("Suspicion of peers (phi)", [q("ferrocache_peer_phi{$nodes}", "{{node}} of {{peer}}")],
                  description="Above half of cluster.phi_threshold suspected, above it dead."),
        ]),
        Row("Copies", [
            Panel("Partitions short of copies", [q("ferrocache_partitions_under_replicated{$nodes}", "{{node}}")], width=6),
            Panel("Partitions out of step", [q("ferrocache_partitions_out_of_step{$nodes}", "{{node}}")], width=6,
                  description="Copies that differed when last compared."),
            Panel("Partitions not compared yet", [q("ferrocache_partitions_uncompared{$nodes}", "{{node}}")], width=6,
                  description="Since the ring changed or somebody came back. Falls to nothing within seconds."),
            Panel("Partitions owned", [q("ferrocache_partitions_owned{$nodes}", "{{node}}")], width=6,
                  description="Even lines: load is spread evenly."),
        ]),
        Row("Replication", [
            Panel("Age of the oldest unconfirmed write", [q("ferrocache_replication_lag_seconds{$nodes}", "{{node}}")], unit="s"),
            Panel("Requests to other nodes a second", [
                q("sum by (node) (rate(ferrocache_replication_forwards_total{$nodes}[$__rate_interval]))", "sent by {{node}}"),
                q("sum by (node) (rate(ferrocache_replication_failures_total{$nodes}[$__rate_interval]))", "failed {{node}}"),
                q("sum by (node) (rate(ferrocache_replication_retries_total{$nodes}[$__rate_interval]))", "again {{node}}"),
            ], unit="ops", description="Writes, for their owners or as copies, and lookups sent on to an owner."),
            Panel("Kept for nodes that are down", [q("ferrocache_hint_bytes{$nodes}", "{{node}}")], unit="bytes",
                  description="Hints; beyond cluster.hint_max_bytes they are dropped and the comparison of copies repairs."),
        ]),
        Row("Peers", [
            Panel("Latency of peers", [q("ferrocache_peer_latency_seconds{$nodes}", "{{node}} to {{peer}}")], unit="s"),
            Panel("Calls to peers that failed, a second",
                  [q("sum by (node, peer) (rate(ferrocache_peer_calls_failed_total{$nodes}[$__rate_interval]))",
                     "{{node}} to {{peer}}")], unit="ops"),
            Panel("Waiting to be sent", [q("ferrocache_peer_waiting_bytes{$nodes}", "{{node}} to {{peer}}")], unit="bytes"),
        ]),
        Row("Repair and change of members", [
            Panel("Corrected a second", [
                q("sum by (node) (rate(ferrocache_read_repairs_total{$nodes}[$__rate_interval]))", "by reads {{node}}"),
                q("sum by (node) (rate(ferrocache_repaired_entries_total{$nodes}[$__rate_interval]))", "by comparing {{node}}"),
            ], unit="ops"),
            Panel("Entries moved", [q("ferrocache_transfer_entries{$nodes}", "{{kind}} {{node}}")],
                  description="By the latest catching up, handing over and draining."),
            Panel("Gossip", [
                q("sum by (node) (rate(ferrocache_gossip_sent_bytes_total{$nodes}[$__rate_interval]))", "sent by {{node}}"),
            ], unit="Bps"),
        ]),
    ],
)
