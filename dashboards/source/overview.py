"""Is it well, is it fast, is it worth it: one screen."""

from .model import Dashboard, Panel, Row, q

RED_IF_ANY = [(None, "green"), (1, "red")]

# How many nodes there are to be, by cluster: as many as its nodes know, those that are dead included, and as many as its resource
# asks for where the operator is scraped as well, so that those of a cluster without any node count too. None while it sleeps.
KNOWN = "ferrocache_cluster_nodes{$clusters} + ferrocache_peers_dead{$clusters}"
ASKED_FOR = ("ferrocache_operator_cluster_replicas_desired{$resources} unless on (namespace, name) "
             '(ferrocache_operator_cluster_phase{phase="Hibernated"} == 1)')
OF_EACH = (f"max by (kube_namespace, cluster) ({KNOWN} or label_replace(label_replace({ASKED_FOR}, "
           '"kube_namespace", "$1", "namespace", "(.*)"), "cluster", "$1", "name", "(.*)"))')
# Nodes without the labels that a scrape is to set cannot be matched with resources: the larger of both sums then, never both.
UNMATCHED = 'ferrocache_ready{$clusters,kube_namespace=""} or ferrocache_ready{$clusters,cluster=""}'
OF_ALL = (f"max(sum(max by (kube_namespace, cluster) ({KNOWN})) or "
          f'label_replace(sum({ASKED_FOR}), "said_by", "operator", "", ""))')
WANTED = f"(sum({OF_EACH}) unless on () ({UNMATCHED}) or {OF_ALL})"

DASHBOARD = Dashboard(
    uid="ferrocache-overview",
    title="FerroCache / Overview",
    description="Health, traffic, latency and worth of a cluster at a glance.",
    rows=[
        Row("Health", [
            Panel("Nodes ready", [q(f"(sum(ferrocache_ready{{$clusters}}) or vector(0)) / {WANTED}")], unit="percentunit",
                  kind="stat", width=4, height=4, thresholds=[(None, "red"), (1, "green"), (1.001, "orange")],
                  description="Nodes that answer as well as any other, of all that the chosen clusters are to have. More than "
                              "100 %: several clusters in one Prometheus, scraped without kube_namespace and cluster as labels."),
            Panel("Nodes dead", [q("max(ferrocache_peers_dead{$nodes})")], kind="stat", width=4, height=4,
                  thresholds=RED_IF_ANY, description="As the node that sees most of them dead."),
            Panel("Partitions short of copies", [q("max(ferrocache_partitions_under_replicated{$nodes})")], kind="stat",
                  width=4, height=4, thresholds=RED_IF_ANY, description="Another loss may lose their entries."),
            Panel("Entries", [q("sum(ferrocache_index_entries{$nodes})")], kind="stat", width=4, height=4,
                  description="Copies on all nodes together: with two copies of everything, twice the entries."),
            Panel("Hit rate", [q("ferrocache:hit_rate:5m{$clusters}", "{{cluster}}")], unit="percentunit", kind="stat", width=4,
                  height=4, description="Of the queries of the last five minutes."),
            Panel("Memory in use", [q("max(ferrocache_memory_bytes{$nodes} / ferrocache_memory_max_bytes{$nodes})")],
                  unit="percentunit", kind="stat", width=4, height=4,
                  thresholds=[(None, "green"), (0.85, "orange"), (0.95, "red")],
                  description="Of its budget, on the fullest node; beyond it the least recently used entries go."),
        ]),
        Row("Traffic", [
            Panel("Queries a second", [
                q("sum by (cluster) (rate(ferrocache_queries_hit_total{$nodes}[$__rate_interval]))", "hits {{cluster}}"),
                q("sum by (cluster) (rate(ferrocache_queries_miss_total{$nodes}[$__rate_interval]))", "misses {{cluster}}"),
            ], unit="reqps", stacked=True),
            Panel("Inserts a second", [
                q("sum by (cluster) (rate(ferrocache_inserts_total{$nodes}[$__rate_interval]))", "{{cluster}}"),
            ], unit="reqps"),
            Panel("Refused or shed a second", [
                q("sum(rate(ferrocache_http_requests_shed_total{$nodes}[$__rate_interval]))", "shed: too many at once"),
                q("sum(rate(ferrocache_http_requests_refused_total{$nodes}[$__rate_interval]))", "refused for their form"),
                q("sum(rate(ferrocache_http_connections_refused_total{$nodes}[$__rate_interval]))", "connections refused"),
            ], unit="reqps", description="Anything here is a client that was turned away."),
        ]),
        Row("Latency, server side", [
            Panel("Query", [
                q("ferrocache:query_duration_seconds:p50{$clusters}", "p50 {{cluster}}"),
                q("ferrocache:query_duration_seconds:p99{$clusters}", "p99 {{cluster}}"),
            ], unit="s"),
            Panel("Insert, until durable", [
                q("ferrocache:insert_duration_seconds:p50{$clusters}", "p50 {{cluster}}"),
                q("ferrocache:insert_duration_seconds:p99{$clusters}", "p99 {{cluster}}"),
            ], unit="s"),
            Panel("Query p99 by node", [
                q("histogram_quantile(0.99, sum by (node, le) (rate(ferrocache_query_duration_seconds_bucket{$nodes}"
                  "[$__rate_interval])))", "{{node}}"),
            ], unit="s", description="One line above the others is a slow node."),
        ]),
        Row("The processes", [
            Panel("Processor", [q("rate(process_cpu_seconds_total{$nodes}[$__rate_interval])", "{{node}}")],
                  unit="cores", description="Cores in use."),
            Panel("Memory of the process", [q("process_resident_memory_bytes{$nodes}", "{{node}}")], unit="bytes"),
            Panel("Connections", [q("ferrocache_http_connections{$nodes}", "{{node}}")]),
        ]),
    ],
)
