"""The rules of dashboards/source/alerts.py as they are written for each place; what the placeholders mean is said there."""

import re

import yaml

from dashboards.source import alerts

GROUP = "ferrocache"
MADE = "# Made from dashboards/source/alerts.py by dashboards/build.py.\n"


def everywhere(text):
    """For a Prometheus of one's own: all clusters, told apart by the labels that its scrape sets."""
    text = re.sub(r"\$(nodes|recorded),?", "", text).replace("{}", "")
    text = text.replace("$scrape", 'job="ferrocache"')
    text = text.replace("$member", "{{ or $labels.node $labels.instance }} of {{ $labels.cluster }}")
    text = text.replace("$cluster", "{{ $labels.cluster }}")
    for name, value in alerts.DEFAULT_BOUNDS.items():
        text = text.replace(name, value)
    return text.replace("$OPERATOR", "ferrocache-operator").replace("$OWN_NAMESPACE", "ferrocache-system")


def one_cluster(text):
    """For what the operator makes of a cluster: $NAMES stay, operator/objects/monitoring.cc fills them in."""
    text = re.sub(r"\$(nodes|scrape)\b", "$SELECTOR", text)
    text = text.replace("$recorded", 'kube_namespace="$NAMESPACE",cluster="$CLUSTER"')
    return text.replace("$member", "{{ $labels.pod }} of $NAMESPACE/$CLUSTER").replace("$cluster", "$NAMESPACE/$CLUSTER")


def alert(one, place, labels):
    made = {"alert": one.name, "expr": place(one.expr)}
    if one.wait != "0m":
        made["for"] = one.wait
    made["labels"] = {"severity": one.severity, **labels}
    made["annotations"] = {
        "summary": place(one.summary),
        "impact": place(one.impact),
        "action": place(one.action),
        "runbook": f"docs/runbooks/{one.name}.md",
    }
    return made


def record(one, place, labels):
    made = {"record": one.name, "expr": place(one.expr)}
    return {**made, "labels": labels} if labels else made


def group(name, rules):
    return {"groups": [{"name": name, "rules": rules}]}


def recording_rules():
    return group(f"{GROUP}-recording", [record(one, everywhere, {}) for one in alerts.RECORDS])


def node_rules():
    return group(f"{GROUP}-nodes", [alert(one, everywhere, {}) for one in alerts.OF_NODES])


def operator_rules(place=everywhere):
    return group(f"{GROUP}-operator", [alert(one, place, {}) for one in alerts.OF_THE_OPERATOR])


def cluster_rules():
    """Spec of a PrometheusRule for one cluster. Its name is put on every series that it makes, whatever the scrape set."""
    labels = {"kube_namespace": "$NAMESPACE", "cluster": "$CLUSTER"}
    return {"groups": [
        {"name": f"{GROUP}-recording", "rules": [record(one, one_cluster, labels) for one in alerts.RECORDS]},
        {"name": f"{GROUP}-nodes", "rules": [alert(one, one_cluster, labels) for one in alerts.OF_NODES]},
    ]}


def as_yaml(rules):
    return MADE + yaml.safe_dump(rules, sort_keys=False, width=118)


def chart_rules():
    return as_yaml(operator_rules(lambda text: text))
