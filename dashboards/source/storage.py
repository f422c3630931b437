"""What is in memory and on disk, and whether it would survive."""

from .model import Dashboard, Panel, Row, q

DASHBOARD = Dashboard(
    uid="ferrocache-storage",
    title="FerroCache / Storage and durability",
    description="Memory, log, snapshots and disk of every node.",
    rows=[
        Row("Memory", [
            Panel("Accounted / budget", [q("ferrocache_memory_bytes{$nodes} / ferrocache_memory_max_bytes{$nodes}", "{{node}}")],
                  unit="percentunit", maximum=1),
            Panel("Entries", [q("ferrocache_index_entries{$nodes}", "{{node}}")]),
            Panel("Entries that left, a second", [
                q("sum(rate(ferrocache_evictions_total{$nodes}[$__rate_interval]))", "evicted for room"),
                q("sum(rate(ferrocache_expirations_total{$nodes}[$__rate_interval]))", "expired"),
                q("sum(rate(ferrocache_deletions_total{$nodes}[$__rate_interval]))", "deleted"),
                q("sum(rate(ferrocache_invalidations_total{$nodes}[$__rate_interval]))", "invalidated"),
            ], unit="ops"),
        ]),
        Row("Log", [
            Panel("Mean sync", [q("ferrocache:wal_sync_seconds:mean{$nodes}", "{{node}}")], unit="s", width=6,
                  description="An insert is answered after one. Above 50 ms the disk is the bottleneck."),
            Panel("Syncs a second", [q("rate(ferrocache_wal_sync_seconds_count{$nodes}[$__rate_interval])", "{{node}}")],
                  unit="ops", width=6),
            Panel("Writes that wait", [
                q("ferrocache_write_queue{$nodes}", "{{node}}"),
            ], width=6, description="At ferrocache_write_queue_max further writes are answered 503."),
            Panel("Log on disk", [q("ferrocache_wal_bytes{$nodes}", "{{node}}")], unit="bytes", width=6,
                  description="Behind the oldest snapshot that is kept: falls with the one after the next."),
        ]),
        Row("Snapshots", [
            Panel("Age of the latest", [q("ferrocache_snapshot_age_seconds{$nodes}", "{{node}}")], unit="s"),
            Panel("Size", [q("ferrocache_snapshot_bytes{$nodes}", "{{node}}")], unit="bytes"),
            Panel("Latest attempt failed", [q("ferrocache_snapshot_failed{$nodes}", "{{node}}")], maximum=1),
        ]),
        Row("Disk", [
            Panel("Free", [q("ferrocache_disk_available_bytes{$nodes}", "{{node}}")], unit="bytes"),
            Panel("Used", [q("1 - ferrocache_disk_available_bytes{$nodes} / ferrocache_disk_bytes{$nodes}", "{{node}}")],
                  unit="percentunit", maximum=1),
            Panel("Accepting writes and traffic", [q("ferrocache_ready{$nodes}", "{{node}}")], maximum=1,
                  description="0: /readyz says why."),
        ]),
        Row("Index", [
            Panel("Graphs rebuilt a second", [q("sum by (node) (rate(ferrocache_index_rebuilds_total{$nodes}[$__rate_interval]))",
                                               "{{node}}")], unit="ops", width=12),
            Panel("Namespaces", [q("ferrocache_namespaces{$nodes}", "{{node}}")], width=12),
        ]),
    ],
)
