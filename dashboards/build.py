#!/usr/bin/env python3
"""Makes dashboards and rules from dashboards/source/*.py: for Grafana and Prometheus (dashboards/grafana, dashboards/rules), for
what the operator makes of each cluster (operator/objects/assets), and for what its chart brings (charts/ferrocache-operator).

    dashboards/build.py           writes them
    dashboards/build.py --check   exits 1 and names each file that is not what the source makes
"""

import argparse
import importlib
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from dashboards import alerting  # noqa: E402  (needs the path above)
from dashboards.source.model import CLUSTERS, NODES, RESOURCES, Dashboard  # noqa: E402

NAMES = ["overview", "cluster", "storage", "operator", "tenants"]
COLUMNS = 24  # Grafana's grid
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}


def dashboards():
    return {name: importlib.import_module(f"dashboards.source.{name}").DASHBOARD for name in NAMES}


def variable(name, label, query, multiple=True):
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": PROMETHEUS,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": multiple,
        "includeAll": True,
        # Matches series without the label as well: a scrape outside Kubernetes sets none.
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def variables(dashboard):
    yield {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "includeAll": False,
        "multi": False,
    }
    yield variable("kube_namespace", "Namespace", "label_values(ferrocache_build_info, kube_namespace)")
    yield variable("cluster", "Cluster", 'label_values(ferrocache_build_info{kube_namespace=~"$kube_namespace"}, cluster)')
    if dashboard.node_variable:
        yield variable(
            "node",
            "Node",
            'label_values(ferrocache_build_info{kube_namespace=~"$kube_namespace",cluster=~"$cluster"}, node)',
        )


def field_config(panel):
    defaults = {"unit": panel.unit, "min": 0}
    if panel.unit in ("cores",):
        defaults["unit"] = "short"
    if panel.maximum is not None:
        defaults["max"] = panel.maximum
    if panel.thresholds:
        steps = [{"value": value, "color": colour} for value, colour in panel.thresholds]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
        defaults["color"] = {"mode": "thresholds"}
    elif panel.kind == "timeseries":
        defaults["color"] = {"mode": "palette-classic"}
        defaults["custom"] = {
            "lineWidth": 1,
            "fillOpacity": 25 if panel.stacked else 5,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none"},
        }
    return {"defaults": defaults, "overrides": []}


def options(panel):
    if panel.kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
    if panel.kind == "heatmap":
        return {"calculate": False, "yAxis": {"unit": "none"}, "color": {"scheme": "Oranges"}}
    return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}


def target(index, query, kind):
    made = {"refId": chr(ord("A") + index), "datasource": PROMETHEUS, "expr": query.expr, "legendFormat": query.legend}
    if kind == "heatmap":
        made["format"] = "heatmap"
    return made


def panel_json(number, panel, x, y):
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": PROMETHEUS,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "targets": [target(index, query, panel.kind) for index, query in enumerate(panel.queries)],
        "fieldConfig": field_config(panel),
        "options": options(panel),
    }


def layout(dashboard):
    """Rows from top to bottom, panels from left to right, wrapping at the grid's edge."""
    number, y = 0, 0
    for row in dashboard.rows:
        number += 1
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "panels": [],
               "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}}
        y += 1
        x, tallest = 0, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            number += 1
            yield panel_json(number, panel, x, y)
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest


def grafana(dashboard):
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["ferrocache"],
        "schemaVersion": 38,  # Grafana 10
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "links": [{"title": "FerroCache", "type": "dashboards", "tags": ["ferrocache"], "asDropdown": True}],
        "templating": {"list": list(variables(dashboard))},
        "annotations": {"list": []},
        "panels": list(layout(dashboard)),
    }


def as_json(document):
    return json.dumps(document, indent=1) + "\n"


# What the dashboard of one cluster shows, from the others: (dashboard, row).
OF_ONE_CLUSTER = [
    ("overview", "Health"), ("overview", "Traffic"), ("overview", "Latency, server side"), ("overview", "The processes"),
    ("cluster", "Members"), ("cluster", "Copies"), ("cluster", "Replication"),
    ("storage", "Memory"), ("storage", "Log"), ("storage", "Snapshots"), ("storage", "Disk"),
    ("operator", "Certificates and tokens, as nodes serve them"),
]


def of_one_cluster():
    """The operator's dashboard of a cluster: nothing to choose but the data source, $NAMES filled in by operator/objects."""
    known = dashboards()
    rows = [next(row for row in known[name].rows if row.title == title) for name, title in OF_ONE_CLUSTER]
    made = grafana(Dashboard("$UID", "FerroCache $NAMESPACE/$CLUSTER", "Health, traffic, copies and disks of one cluster.", rows))
    made["templating"]["list"] = made["templating"]["list"][:1]
    text = as_json(made)
    for filter_, chosen in ((NODES, "$SELECTOR"), (CLUSTERS, 'kube_namespace="$NAMESPACE",cluster="$CLUSTER"'),
                            (RESOURCES, 'namespace="$NAMESPACE",name="$CLUSTER"')):
        text = text.replace(json.dumps(filter_)[1:-1], json.dumps(chosen)[1:-1])
    # A pod has the name of its node, and every scrape of pods has the label.
    text = re.sub(r"\b(by \((?:\w+, )*)node\b", r"\1pod", text.replace("{{node}}", "{{pod}}"))
    return text


def outputs():
    """Every made file with its content."""
    grafana_files = {f"{name}.json": as_json(grafana(dashboard)) for name, dashboard in dashboards().items()}
    chart = ROOT / "charts/ferrocache-operator/monitoring"
    made = {HERE / "grafana" / name: text for name, text in grafana_files.items()}
    made |= {chart / "dashboards" / name: text for name, text in grafana_files.items()}
    made[chart / "alerts.yaml"] = alerting.chart_rules()
    made[HERE / "rules/recording.yaml"] = alerting.as_yaml(alerting.recording_rules())
    made[HERE / "rules/alerts.yaml"] = alerting.as_yaml(alerting.node_rules())
    made[HERE / "rules/operator.yaml"] = alerting.as_yaml(alerting.operator_rules())
    assets = ROOT / "operator/objects/assets"
    made[assets / "alerts.json"] = as_json(alerting.cluster_rules())
    made[assets / "dashboard.json"] = of_one_cluster()
    return made


def stale():
    """The made files that are not as they would be written, and those in their folders that nothing makes."""
    made = outputs()
    wrong = [path for path, text in made.items() if not path.is_file() or path.read_text() != text]
    folders = {path.parent for path in made}
    return wrong + [path for folder in sorted(folders) for path in folder.glob("*.*") if path not in made]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    if not check:
        for path, text in outputs().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for path in stale():
        advice = "run dashboards/build.py" if check else "delete it"
        print(f"{path.relative_to(ROOT)}: not what dashboards/source makes; {advice}")
    return 1 if stale() else 0


if __name__ == "__main__":
    sys.exit(main())
