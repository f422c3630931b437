#!/usr/bin/env python3
"""Makes what the charts repeat of crds/: the definitions in ferrocache-crds, its copy inside ferrocache-operator (so that the
operator's chart installs from the tree without `helm dependency build`), and the schema of ferrocache-cluster's values.

    charts/sync.py [--check]     --check writes nothing and exits 1 if anything is not as it would be written
"""

import argparse
import json
import pathlib
import sys

import yaml

CHARTS = pathlib.Path(__file__).resolve().parent
CRDS = CHARTS.parent / "crds"
KEEP = """\
  annotations:
{{- if .Values.keep }}
    helm.sh/resource-policy: keep
{{- end }}
    helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
"""


def definition_template(path):
    """A definition as a Helm template: its text, with the annotations put into its metadata."""
    text = path.read_text()
    if "{{" in text:
        raise SystemExit(f"{path}: holds what Helm would take for a template")
    head, found, rest = text.partition("metadata:\n")
    if not found:
        raise SystemExit(f"{path}: has no metadata")
    return f"# Made from crds/{path.name} by charts/sync.py.\n{head}{found}{KEEP}{rest}"


def json_schema(node):
    """A structural schema of a custom resource as JSON schema. Maps without declared fields stay open, others are closed."""
    if node.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"], "description": node.get("description", "")}
    kept = ("type", "description", "default", "enum", "minimum", "maximum", "pattern", "minLength", "maxLength", "maxItems",
            "maxProperties", "required")  # fmt: skip
    result = {key: node[key] for key in kept if key in node}
    if "properties" in node:
        result["properties"] = {name: json_schema(inner) for name, inner in node["properties"].items()}
        result["additionalProperties"] = False
    elif "additionalProperties" in node:
        result["additionalProperties"] = json_schema(node["additionalProperties"])
    if "items" in node:
        result["items"] = json_schema(node["items"])
    return result


def may_be_left_out(schema):
    """An optional field's value may be null or empty: it is left out then."""
    if schema.get("type") == "string" and "default" not in schema:
        absent = [{"type": "null"}, {"const": ""}]
        return {"description": schema.get("description", ""), "oneOf": [*absent, {**schema, "minLength": 1}]}
    if schema.get("type") == "object" and "required" in schema:
        return {"description": schema.get("description", ""), "oneOf": [{"type": "object", "maxProperties": 0}, schema]}
    if "properties" in schema and "default" in schema:
        return {**schema, "properties": {name: may_be_left_out(inner) for name, inner in schema["properties"].items()}}
    return schema


def values_schema():
    crd = yaml.safe_load((CRDS / "ferrocacheclusters.yaml").read_text())
    spec = json_schema(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"])
    texts = {"type": "object", "additionalProperties": {"type": "string"}}
    own = {
        "global": {"type": "object", "description": "Helm's own."},
        "fullnameOverride": {"type": "string", "description": "Name of the cluster; empty: the name of the release."},
        "annotations": {**texts, "description": "Annotations of the FerroCacheCluster."},
        "labels": {**texts, "description": "Labels of the FerroCacheCluster."},
        "test": {"type": "object", "additionalProperties": False, "description": "helm test.",
                 "properties": {"image": {"type": "string", "description": "Image of a node."}}},
    }  # fmt: skip
    fields = {name: may_be_left_out(schema) for name, schema in spec["properties"].items()}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "additionalProperties": False,
            "properties": {**own, **fields}}  # fmt: skip


def outputs():
    """Every made file with its content."""
    made = {}
    for path in sorted(CRDS.glob("*.yaml")):
        made[CHARTS / "ferrocache-crds" / "templates" / path.name] = definition_template(path)
    source = CHARTS / "ferrocache-crds"
    for name in ("Chart.yaml", "values.yaml", "values.schema.json", "templates/NOTES.txt"):
        made[source / name] = (source / name).read_text()
    copy = CHARTS / "ferrocache-operator" / "charts" / "ferrocache-crds"
    for path, text in list(made.items()):
        made[copy / path.relative_to(source)] = text
    made[CHARTS / "ferrocache-cluster" / "values.schema.json"] = json.dumps(values_schema(), indent=1) + "\n"
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = [path for path, text in outputs().items() if not path.is_file() or path.read_text() != text]
    for path in stale:
        if check:
            print(f"{path.relative_to(CHARTS.parent)}: not as charts/sync.py makes it; run charts/sync.py")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(outputs()[path])
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
