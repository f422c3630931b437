#!/usr/bin/env python3
"""Makes dashboards/grafana/*.json from dashboards/source/*.py.

    dashboards/build.py           writes them
    dashboards/build.py --check   exits 1 if a file is not what the source makes
"""

import argparse
import importlib
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    for name, dashboard in dashboards().items():
        path = HERE / "grafana" / f"{name}.json"
        text = json.dumps(grafana(dashboard), indent=1) + "\n"
        if check and (not path.is_file() or path.read_text() != text):
            stale.append(path.name)
        elif not check:
            path.write_text(text)
    if stale:
        sys.exit(f"not what dashboards/source makes: {', '.join(stale)}; run dashboards/build.py")


if __name__ == "__main__":
    main()
