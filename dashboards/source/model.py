"""What a dashboard consists of, without Grafana's ceremony."""

from dataclasses import dataclass, field

# Filters every query: what the variables at the top of a dashboard choose. Labels that a scrape does not set match too.
NODES = 'kube_namespace=~"$kube_namespace",cluster=~"$cluster",node=~"$node"'
CLUSTERS = 'kube_namespace=~"$kube_namespace",cluster=~"$cluster"'
RESOURCES = 'namespace=~"$kube_namespace",name=~"$cluster"'  # the same clusters, as the operator labels its series of them


@dataclass
class Query:
    expr: str  # $nodes, $clusters and $resources stand for the filters above
    legend: str = ""


@dataclass
class Panel:
    title: str
    queries: list
    unit: str = "short"
    kind: str = "timeseries"  # timeseries, stat, table, heatmap, bargauge
    width: int = 8
    height: int = 7
    description: str = ""
    thresholds: list = field(default_factory=list)  # (value, colour), lowest first
    stacked: bool = False
    maximum: float | None = None
    # May be empty on a healthy cluster without Kubernetes: the operator's series, refusals, deaths.
    may_be_empty: bool = False


@dataclass
class Row:
    title: str
    panels: list


@dataclass
class Dashboard:
    uid: str
    title: str
    description: str
    rows: list
    node_variable: bool = True


def q(expr, legend=""):
    return Query(expr.replace("$nodes", NODES).replace("$clusters", CLUSTERS).replace("$resources", RESOURCES), legend)
