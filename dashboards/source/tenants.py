"""Who uses it and what it saves them."""

from .model import Dashboard, Panel, Row, q

PER_NAMESPACE = "topk(15, sum by (namespace) (%s))"

DASHBOARD = Dashboard(
    uid="ferrocache-tenants",
    title="FerroCache / Tenants and savings",
    description="Requests, hits, similarity and money by namespace (model and scope).",
    rows=[
        Row("Worth", [
            Panel("Saved in this time", [q("sum(increase(ferrocache_cost_saved_total{$nodes}[$__range]))")], kind="stat", width=6,
                  height=4, description="In the unit of the inserts' cost: what the answers of all hits had cost to make."),
            Panel("Completions not paid for", [q("sum(increase(ferrocache_queries_hit_total{$nodes}[$__range]))")], kind="stat",
                  width=6, height=4),
            Panel("Tokens not generated, about", [q("sum(increase(ferrocache_hit_response_bytes_total{$nodes}[$__range])) / 4")],
                  kind="stat", width=6, height=4, description="Bytes of the answers that hits were given, four to a token."),
            Panel("Hit rate", [q("ferrocache:hit_rate:5m{$clusters}", "{{cluster}}")], unit="percentunit", kind="stat", width=6,
                  height=4),
        ]),
        Row("Similarity", [
            Panel("Similarity of hits", [
                q("sum by (le) (increase(ferrocache_hit_similarity_bucket{$nodes}[$__rate_interval]))", "{{le}}"),
            ], kind="heatmap", width=12,
               description="Mass close to the threshold: look at some of those answers before lowering it."),
            Panel("Mean similarity, and share of equal texts", [
                q("sum(rate(ferrocache_hit_similarity_sum{$nodes}[$__rate_interval]))"
                  " / sum(rate(ferrocache_hit_similarity_count{$nodes}[$__rate_interval]))", "mean similarity"),
                q("sum(rate(ferrocache_exact_match_hits_total{$nodes}[$__rate_interval]))"
                  " / sum(rate(ferrocache_queries_hit_total{$nodes}[$__rate_interval]))", "hits by equal text"),
            ], unit="percentunit", width=12, maximum=1),
        ]),
        Row("By namespace, the fifteen busiest", [
            Panel("Queries a second", [
                q(PER_NAMESPACE % ("rate(ferrocache_namespace_queries_hit{$nodes}[$__rate_interval])"
                                   " + rate(ferrocache_namespace_queries_miss{$nodes}[$__rate_interval])"), "{{namespace}}"),
            ], unit="reqps"),
            Panel("Hit rate", [
                q("sum by (namespace) (rate(ferrocache_namespace_queries_hit{$nodes}[$__rate_interval]))"
                  " / sum by (namespace) (rate(ferrocache_namespace_queries_hit{$nodes}[$__rate_interval])"
                  " + rate(ferrocache_namespace_queries_miss{$nodes}[$__rate_interval]))", "{{namespace}}"),
            ], unit="percentunit", maximum=1),
            Panel("Saved a second", [
                q(PER_NAMESPACE % "rate(ferrocache_namespace_cost_saved{$nodes}[$__rate_interval])", "{{namespace}}"),
            ]),
            Panel("Inserts a second", [
                q(PER_NAMESPACE % "rate(ferrocache_namespace_inserts{$nodes}[$__rate_interval])", "{{namespace}}"),
            ], unit="reqps"),
            Panel("Entries", [q(PER_NAMESPACE % "ferrocache_namespace_entries{$nodes}", "{{namespace}}")],
                  description="Copies on all nodes."),
            Panel("Evicted a second", [
                q(PER_NAMESPACE % "rate(ferrocache_namespace_evictions{$nodes}[$__rate_interval])", "{{namespace}}"),
            ], unit="ops", description="A tenant whose entries leave for room soon pays again."),
        ]),
    ],
)
