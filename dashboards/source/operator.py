"""What the operator does, waits for, and when secrets run out."""

from .model import Dashboard, Panel, Row, q

DASHBOARD = Dashboard(
    uid="ferrocache-operator",
    title="FerroCache / Operator and rotation",
    description="Reconciliation, blockers, certificates and tokens.",
    node_variable=True,
    rows=[
        Row("At a glance", [
            Panel("Processes that lead", [q("sum(ferrocache_operator_leader)")], kind="stat", width=4, height=4, may_be_empty=True,
                  thresholds=[(None, "red"), (1, "green")]),
            Panel("Clusters", [q("count(ferrocache_operator_cluster_replicas_desired)")], kind="stat", width=4, height=4,
                  may_be_empty=True),
            Panel("Not available", [q('sum(ferrocache_operator_cluster_condition{type="Available"} == bool 0)')], kind="stat",
                  width=4, height=4, may_be_empty=True, thresholds=[(None, "green"), (1, "red")]),
            Panel("Blocked longest", [q("max(time() - ferrocache_operator_cluster_blocked_since_timestamp_seconds)")], unit="s",
                  kind="stat", width=4, height=4, may_be_empty=True),
            Panel("First certificate ends in", [
                q('min(ferrocache_operator_certificate_expiry_timestamp_seconds{certificate!="operator"}) - time()'),
            ], unit="s", kind="stat", width=4, height=4, may_be_empty=True,
                  description="Of authorities and nodes; the operator's own lives for a day."),
            Panel("Paused", [q("sum(ferrocache_operator_cluster_paused)")], kind="stat", width=4, height=4, may_be_empty=True),
        ]),
        Row("The operator", [
            Panel("Leads", [q("ferrocache_operator_leader", "{{pod}}")], maximum=1, may_be_empty=True),
            Panel("Passes a second",
                  [q("sum by (result) (rate(ferrocache_operator_reconcile_total[$__rate_interval]))", "{{result}}")],
                  unit="ops", may_be_empty=True),
            Panel("Time of a pass", [
                q("histogram_quantile(0.5, sum by (le) (rate(ferrocache_operator_reconcile_duration_seconds_bucket"
                  "[$__rate_interval])))", "p50"),
                q("histogram_quantile(0.99, sum by (le) (rate(ferrocache_operator_reconcile_duration_seconds_bucket"
                  "[$__rate_interval])))", "p99"),
            ], unit="s", may_be_empty=True, description="Probes of the nodes included."),
            Panel("Actions a second", [
                q("sum by (action, result) (rate(ferrocache_operator_actions_total[$__rate_interval]))", "{{action}} {{result}}"),
            ], unit="ops", may_be_empty=True),
            Panel("Waiting for a pass", [
                q("ferrocache_operator_queue_depth and ferrocache_operator_leader == 1", "clusters {{pod}}"),
                q("ferrocache_operator_queue_oldest_seconds and ferrocache_operator_leader == 1", "the first, seconds {{pod}}"),
            ], may_be_empty=True, description="Of the process that leads: the queue of the others stands still."),
            Panel("Requests to the API server a second", [
                q("sum by (verb, code) (rate(ferrocache_operator_api_requests_total[$__rate_interval]))", "{{verb}} {{code}}"),
            ], unit="reqps", may_be_empty=True),
            Panel("Watches begun anew, a second", [
                q("sum by (resource) (rate(ferrocache_operator_watch_starts_total[$__rate_interval]))", "{{resource}}"),
                q("sum by (resource) (rate(ferrocache_operator_watch_failures_total[$__rate_interval]))", "failed {{resource}}"),
            ], unit="ops", may_be_empty=True, description="Every five minutes is usual."),
            Panel("Blocked for", [
                q("time() - ferrocache_operator_cluster_blocked_since_timestamp_seconds",
                  "{{name}} {{action}}: {{rule}} {{member}}"),
            ], unit="s", width=16, may_be_empty=True,
                  description="What each cluster waits for; docs/operator/blocked.md explains the rules."),
        ]),
        Row("Clusters, as the operator sees them", [
            Panel("Ready of desired", [
                q("ferrocache_operator_cluster_replicas_ready", "ready {{name}}"),
                q("ferrocache_operator_cluster_replicas_desired", "desired {{name}}"),
            ], width=12, may_be_empty=True),
            Panel("Phase", [q("ferrocache_operator_cluster_phase == 1", "{{namespace}}/{{name}} {{phase}}")], maximum=1,
                  width=12, may_be_empty=True),
            Panel("Conditions to look at", [
                q('1 - (ferrocache_operator_cluster_condition{type!~"Progressing|Degraded|Paused"} < 1)', "{{name}} not {{type}}"),
                q('ferrocache_operator_cluster_condition{type=~"Progressing|Degraded|Paused"} == 1', "{{name}} {{type}}"),
            ], width=12, may_be_empty=True, description="Empty for a cluster that is well and at rest. 1 no, 2 unknown."),
            Panel("Days until certificates end", [
                q("(ferrocache_operator_certificate_expiry_timestamp_seconds - time()) / 86400", "{{name}} {{certificate}}"),
            ], width=12, may_be_empty=True),
        ]),
        Row("Certificates and tokens, as nodes serve them", [
            Panel("Days until a node's certificate ends", [
                q("(ferrocache_node_certificate_expiry_timestamp_seconds{$nodes} - time()) / 86400", "between nodes {{node}}"),
                q("(ferrocache_certificate_expiry_timestamp_seconds{$nodes} - time()) / 86400", "for clients {{node}}"),
            ], may_be_empty=True),
            Panel("Token generation in force", [q("ferrocache_token_generation{$nodes}", "{{node}}")],
                  description="Lines apart: a rotation is on its way."),
            Panel("Old token last used, seconds ago",
                  [q("time() - ferrocache_old_token_last_used_timestamp_seconds{$nodes}", "{{node}}")],
                  unit="s", may_be_empty=True, description="Only while an old token is accepted."),
        ]),
    ],
)
