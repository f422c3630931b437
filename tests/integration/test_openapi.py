"""GET /openapi.json against the contract's routes and against the running server."""
import pytest

from harness.contract import contract

ROUTES = {("post", "/insert"), ("post", "/query"), ("delete", "/entry/{id}"), ("get", "/entry/{id}"),
          ("post", "/insert/batch"), ("post", "/query/batch"), ("get", "/namespaces"),
          ("delete", "/namespaces/{name}"), ("delete", "/namespaces"), ("post", "/admin/invalidate"),
          ("post", "/admin/compact"), ("get", "/admin/entry-stats"), ("get", "/stats"),
          ("get", "/cluster/status"), ("get", "/health"), ("get", "/livez"), ("get", "/readyz"),
          ("get", "/metrics"), ("get", "/openapi.json"), ("get", "/internal/entry/{id}")}
METHODS = ("get", "put", "post", "delete", "patch")


@pytest.fixture
def document(api):
    return api.call("GET", "/openapi.json").json()


def documented(document):
    return {(method, path)
            for path, item in document["paths"].items()
            for method in item
            if method in METHODS}


@contract("general-7: OpenAPI 3.1 naming every route of the contract")
def test_document(document):
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["title"] and document["info"]["version"]
    assert ROUTES <= documented(document)


@contract("general-7: the document names exactly the methods that the server answers",
          "error-2: 405 with Allow")
def test_methods_agree_with_the_server(api, document):
    """PATCH is no method of any route: its 405 lists in Allow what the router really knows."""
    for path, item in document["paths"].items():
        live = path.replace("{id}", "an-id").replace("{name}", "a-name")
        allow = api.call("PATCH", live, expect=405).header("Allow")
        allowed = {method.strip().lower() for method in allow.split(",")} - {"head", "options"}
        assert allowed == {method for method in item if method in METHODS}, path


@contract("general-7: every documented route answers")
def test_documented_routes_answer(api, document):
    for method, path in documented(document):
        live = path.replace("{id}", "an-id").replace("{name}", "a-name")
        response = api.client.request(method.upper(), live, {} if method == "post" else None)
        assert response.status not in (405, 500, 501), f"{method} {path}: {response}"
        if response.status == 404:
            unknown = api.client.request("GET", "/no/such/route").json()["error"]
            assert response.json()["error"] != unknown and "{" in path, f"{method} {path}: {response}"


@contract("general-7: request fields of the contract are described")
@pytest.mark.parametrize(
    "path, fields", [("/insert", [
        "embedding", "embedding_b64", "response", "query_text", "model_id", "ttl_seconds", "cache_scope",
        "conversation_id", "id", "uuid", "tags", "attributes", "cost"
    ]),
                     ("/query", [
                         "embedding", "embedding_b64", "model_id", "threshold", "query_text", "cache_scope",
                         "conversation_id", "attributes", "top_k"
                     ])])
def test_request_fields(document, path, fields):
    schema = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(fields) <= properties(document, schema)


def properties(document, schema) -> set[str]:
    """The names that a schema allows, through references and combinations."""
    if "$ref" in schema:
        target = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return properties(document, target)
    names = set(schema.get("properties", {}))
    for combined in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(combined, []):
            names |= properties(document, part)
    return names


@contract("general-7: references in the document resolve")
def test_references_resolve(document):
    def walk(node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                properties(document, {"$ref": node["$ref"]})
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
