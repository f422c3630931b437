"""docs/operator/custom_resource.md against crds/: every field with its default and its bounds, no other; every example and
sample is one that the schema allows. And no name that the operator's parser reads is missing from the schema.
"""

import json
import pathlib
import re
import sys

import jsonschema
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "charts"))
import sync  # noqa: E402

CRD = yaml.safe_load((ROOT / "crds/ferrocacheclusters.yaml").read_text())
SCHEMA = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
PAGE = (ROOT / "docs/operator/custom_resource.md").read_text()
WHOLE = ("resources", "affinity")  # core/v1 types: one row


def fields(schema, prefix=""):
    for name, inner in schema["properties"].items():
        path = f"{prefix}.{name}" if prefix else name
        if "properties" in inner and path not in WHOLE:
            yield from fields(inner, path)
        else:
            yield path, inner


def status_fields(schema=SCHEMA["status"], prefix=""):
    for name, inner in schema["properties"].items():
        path = f"{prefix}.{name}" if prefix else name
        if inner["type"] == "array" and "properties" in inner["items"]:
            yield from status_fields(inner["items"], path + "[]")
        elif "properties" in inner:
            yield from status_fields(inner, path)
        else:
            yield path


def rows(section, columns):
    """First cell of each row of the tables in a part of the page, with all its cells."""
    found = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == columns and cells[0].startswith("`"):
            assert cells[0] not in found, f"{cells[0]} stands twice"
            found[cells[0].strip("`")] = cells
    return found


def part(heading):
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def shown_default(field):
    value = field.get("default")
    if value in (None, {}, []):
        return ""
    if isinstance(value, dict):
        return "`" + json.dumps(value, separators=(",", ":")).replace('"', "") + "`"
    return "`" + (str(value).lower() if isinstance(value, bool) else str(value)) + "`"


def shown_bounds(field):
    if "enum" in field:
        return ", ".join(f"`{word}`" for word in field["enum"])
    if field["type"] in ("integer", "number"):
        return f"{field['minimum']}..{field['maximum']}"
    if field["type"] == "boolean":
        return "`true`, `false`"
    if field["type"] == "array":
        return f"list, at most {field['maxItems']}"
    if field["type"] == "object":
        return "as in core/v1" if "properties" in field else f"map, at most {field['maxProperties']}"
    return "duration" if field.get("pattern", "").startswith("^([0-9]+h)") else "text"


def test_the_page_has_every_field_as_it_is():
    documented = rows(PAGE, 4)
    declared = dict(fields(SCHEMA["spec"]))
    assert set(documented) == set(declared)
    for path, field in declared.items():
        assert documented[path][1:3] == [shown_default(field), shown_bounds(field)], path


def test_the_page_has_every_field_of_the_status():
    assert set(rows(part("Status"), 2)) == set(status_fields())


def examples():
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.S)]


def samples():
    for path in [*(ROOT / "crds/samples").glob("*.yaml"), *(ROOT / "tests/golden/operator/cases").glob("*.yaml")]:
        for document in yaml.safe_load_all(path.read_text()):
            if document["kind"] == "FerroCacheCluster":
                yield document


@pytest.mark.parametrize("resource", [*examples(), *samples()], ids=lambda resource: json.dumps(resource)[:60])
def test_examples_and_samples_fit_the_schema(resource):
    schema = sync.json_schema(SCHEMA["spec"])
    jsonschema.validate(resource["spec"], schema)


def test_what_the_parser_reads_is_in_the_schema():
    declared = set()

    def collect(node):
        for name, inner in node.get("properties", {}).items():
            declared.add(name)
            collect(inner)

    collect(SCHEMA["spec"])
    source = (ROOT / "operator/api/spec.cc").read_text()
    body = source[source.index("ImageSpec read_image") : source.index("Result<Cluster> parse_cluster")]
    body = body[: body.index("Cluster parse_identity")]
    kinds = "text optional_text integer optional_integer number boolean duration texts list map object has read_toggle"
    calls = rf"(?:choice(?:<[^>]*>)?|{'|'.join(kinds.split())})"
    read = set(re.findall(calls + r"\(\s*(?:monitoring,\s*)?\"(\w+)\"", body))
    read |= set(re.findall(r'"((?:min|max)Replicas)"', body))
    assert len(read) > 50 and read <= declared, read - declared
