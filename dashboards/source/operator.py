"""What the operator does, waits for, and when secrets run out."""

from .model import Dashboard, Panel, Row, q

DASHBOARD = Dashboard(
    uid="ferrocache-operator",
    title="FerroCache / Operator and rotation",
    description="Reconciliation, blockers, certificates and tokens.",
    node_variable=True,
    rows=[
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
