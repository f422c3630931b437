"""Bearer tokens: who may do what, and what nobody may."""
import pytest

from harness.contract import contract
from harness.http import build_request
from harness.names import path_segment
from harness.vectors import axis

ADMIN, WRITER, READER = "admin-token", "writer-token", "reader-token"
TENANT_ADMIN, TENANT_WRITER, TENANT_READER = "tenant-admin", "tenant-writer", "tenant-reader"
EXTRA = "extra-token"
TOKENS = f"""# tokens of the tests
{ADMIN}
{WRITER} role=write generation=7
{READER}   role=read

  # an indented comment
{TENANT_ADMIN} scope=tenant
{TENANT_WRITER} role=write scope=tenant
{TENANT_READER} scope=tenant role=read generation=3
"""
BODY = {"embedding": axis(8, 0), "model_id": "auth::8", "response": "r", "query_text": ""}
# Requests for which the role is just enough.
NEED_READ = [("POST", "/query", BODY), ("POST", "/query/batch", {"items": []}), ("GET", "/entry/unknown", None),
             ("GET", "/stats", None), ("GET", "/cluster/status", None), ("GET", "/openapi.json", None)]
NEED_WRITE = [("POST", "/insert", BODY), ("POST", "/insert/batch", {"items": [BODY]}),
              ("DELETE", "/entry/unknown", None)]
NEED_ADMIN = [("GET", "/namespaces", None), ("DELETE", "/namespaces/unknown", None),
              ("POST", "/admin/invalidate", {"tags": ["unknown"]}), ("POST", "/admin/compact", None),
              ("GET", "/admin/entry-stats", None), ("GET", "/internal/entry/unknown", None)]
NEEDS = {"read": NEED_READ, "write": NEED_WRITE, "admin": NEED_ADMIN}
OPEN = ["/health", "/livez", "/readyz", "/metrics"]


@pytest.fixture(scope="module")
def guarded(module_nodes):
    """A node with tokens of every kind, from a file and from auth_token."""
    file = module_nodes.folder / "tokens"
    file.write_text(TOKENS)
    return module_nodes.start({"auth_token_file": str(file)}, environment={"FERROCACHE_AUTH_TOKEN": EXTRA})


@pytest.fixture
def as_(guarded):
    return guarded.api.with_token


@contract("auth-1: open without tokens, with a warning at start")
def test_open_without_tokens(node):
    for role in NEEDS:
        for method, target, body in NEEDS[role]:
            assert node.client.request(method, target, body).status in (200, 404)
    assert "warn" in node.log().lower() and "token" in node.log().lower()


@contract("auth-2: four routes stay open, all else needs a token",
          "auth-3: 401 adds WWW-Authenticate: Bearer")
def test_without_a_token(guarded, as_):
    for target in OPEN:
        as_(None).call("GET", target)
        as_("wrong").call("GET", target)
    everything = [request for requests in NEEDS.values() for request in requests]
    everything += [("GET", "/nothing", None), ("GET", "/", None), ("PATCH", "/insert", None),
                   ("POST", "/query", b"{"), ("GET", "/health/x", None), ("GET", "/entry/%zz", None),
                   ("GET", "/Health", None)]
    for method, target, body in everything:
        for token in (None, "", "wrong", ADMIN[:-1], ADMIN + "x", ADMIN.upper(), "#", "role=read"):
            response = as_(token).call(method, target, body, expect=401)
            assert response.header("WWW-Authenticate").split()[0] == "Bearer", target
    as_(ADMIN).call("GET", "/nothing", expect=404)
    as_(ADMIN).call("PATCH", "/insert", expect=405)


@contract("auth-2: only the Bearer form of Authorization is a token")
@pytest.mark.parametrize("value, status", [(f"Bearer {ADMIN}", 200), (f"bearer {ADMIN}", 200), (ADMIN, 401),
                                           (f"Basic {ADMIN}", 401), (f"Bearer{ADMIN}", 401), ("Bearer", 401),
                                           ("Bearer ", 401), (f"Bearer {ADMIN} {ADMIN}", 401),
                                           (f"Token {ADMIN}", 401), ("Bearer " + "x" * 20_000, 401)])
def test_forms_of_authorization(guarded, value, status):
    assert guarded.client.request("GET", "/stats", headers={"Authorization": value}).status == status


@contract("auth-2: a token for one request is not one for the next on the same connection")
def test_each_request_for_itself(guarded):
    with guarded.client.connect() as connection:
        for _ in range(3):
            assert connection.request("GET", "/stats",
                                      headers={"Authorization": f"Bearer {ADMIN}"}).status == 200
            assert connection.request("GET", "/stats").status == 401
            connection.send(build_request("POST", "/insert", BODY) + build_request("GET", "/livez"))
            assert [connection.read_response().status for _ in range(2)] == [401, 200]


@contract("auth-4: each role includes the former; too little is 403")
@pytest.mark.parametrize("token, roles", [(READER, ["read"]), (WRITER, ["read", "write"]),
                                          (ADMIN, ["read", "write", "admin"]),
                                          (EXTRA, ["read", "write", "admin"]), (TENANT_READER, ["read"]),
                                          (TENANT_WRITER, ["read", "write"])])
def test_roles(as_, token, roles):
    for role, requests in NEEDS.items():
        for method, target, body in requests:
            response = as_(token).client.request(method, target, body)
            if role in roles:
                assert response.status in (200, 404), f"{method} {target}: {response}"
            else:
                assert response.status == 403 and response.json()["error"], f"{method} {target}: {response}"


@contract("auth-13: /internal/* needs an admin token", "auth-9: the file adds to auth_token")
def test_internal_needs_admin(as_):
    entry_id = as_(WRITER).insert(axis(8, 1), "auth::8")
    as_(READER).call("GET", f"/entry/{entry_id}")
    as_(None).call("GET", f"/internal/entry/{entry_id}", expect=401)
    for token in (READER, WRITER):
        as_(token).call("GET", f"/internal/entry/{entry_id}", expect=403)
    for token in (ADMIN, EXTRA):
        assert as_(token).call("GET", f"/internal/entry/{entry_id}").json()["id"] == entry_id


@contract("auth-5: absent means the token's scope, another is 403")
def test_fixed_scope(as_):
    for token in (TENANT_WRITER, TENANT_ADMIN):
        entry_id = as_(token).insert(axis(8, 2), "fixed::8", "tenant's", "q")
        assert as_(ADMIN).entry(entry_id)["cache_scope"] == "tenant"
    as_(TENANT_WRITER).insert(axis(8, 4), "fixed::8", "same scope, named", cache_scope=" tenant ")
    as_(TENANT_WRITER).insert(axis(8, 2), "fixed::8", "in a talk", conversation_id="7")
    as_(ADMIN).insert(axis(8, 3), "fixed::8", "unscoped", "open question")
    as_(ADMIN).insert(axis(8, 3), "fixed::8", "other's", "other question", cache_scope="other")
    assert as_(TENANT_READER).hit(axis(8, 2), "fixed::8")["response"] == "tenant's"
    assert as_(TENANT_READER).hit(axis(8, 4), "fixed::8")["response"] == "same scope, named"
    assert as_(TENANT_READER).query(axis(8, 3), "fixed::8", query_text="open question") == {"hit": False}
    body = {**BODY, "cache_scope": "other"}
    for token in (TENANT_READER, TENANT_WRITER, TENANT_ADMIN):
        as_(token).call("POST", "/query", body, expect=403)
    for token in (TENANT_WRITER, TENANT_ADMIN):
        as_(token).call("POST", "/insert", body, expect=403)
        results = as_(token).call("POST", "/insert/batch", {"items": [body, BODY]}, expect=(200, 403))
        if results.status == 200:
            assert [result["status"] for result in results.json()["results"]] == [403, "ok"]
    assert as_(ADMIN).query(axis(8, 0), "auth::8", cache_scope="other") == {"hit": False}


@contract("auth-6: by id only entries of the own scope")
def test_fixed_scope_by_id(as_):
    names = {
        "": {}, "other": {"cache_scope": "other"}, "tenant": {"cache_scope": "tenant"},
        "talk": {"cache_scope": "tenant", "conversation_id": "7"}
    }
    for name, scope in names.items():
        as_(ADMIN).insert(axis(8, 0), "by-id::8", name, id="one-id", **scope)
    as_(ADMIN).insert(axis(8, 0), "by-id::8", "foreign", id="foreign-id", cache_scope="other")
    as_(ADMIN).insert(axis(8, 0), "by-id::8", "newest of all", id="one-id")
    assert as_(TENANT_READER).entry("one-id")["response"] == "talk"
    for token in (TENANT_READER, TENANT_WRITER, TENANT_ADMIN):
        as_(token).call("GET", "/entry/foreign-id", expect=404)
        as_(token).call("GET", "/entry/one-id?model_id=by-id::8&cache_scope=other", expect=403)
    as_(TENANT_WRITER).call("DELETE", "/entry/foreign-id", expect=404)
    as_(TENANT_WRITER).call("DELETE", "/entry/one-id?model_id=by-id::8&cache_scope=other", expect=403)
    as_(TENANT_WRITER).delete("one-id")
    left = {
        name
        for name, scope in names.items()
        if as_(ADMIN).has_entry("one-id", model_id="by-id::8", **scope)
    }
    assert left == {"", "other"} and as_(ADMIN).has_entry("foreign-id")
    if as_(TENANT_ADMIN).client.request("GET", "/internal/entry/foreign-id").status == 200:
        raise AssertionError("a scoped token read another scope's entry")


@contract("auth-15: a scoped administrator stays in the scope")
def test_scoped_admin(as_):
    places = {
        "": {}, "other": {"cache_scope": "other"}, "tenant": {"cache_scope": "tenant"},
        "talk": {"cache_scope": "tenant", "conversation_id": "7"}
    }

    def fill(*names):
        fields = {"tags": ["admin-tag"], "attributes": {"k": "admin-attribute"}}
        return {name: as_(ADMIN).insert(axis(8, 0), "admin::8", name, "secret question", **fields, **places[name])
                for name in names}

    def left(ids):
        return {name for name, entry_id in ids.items() if as_(ADMIN).has_entry(entry_id)}

    me = as_(TENANT_ADMIN)
    ids = fill(*places)
    for body in ({"tags": ["admin-tag"]}, {"attributes": {"k": "admin-attribute"}}):
        assert me.invalidate(**body)["deleted_count"] == 2 and left(ids) == {"", "other"}
        ids |= fill("tenant", "talk")
    me.call("POST", "/admin/invalidate", {"tags": ["admin-tag"], "cache_scope": "other"}, expect=403)
    me.call("POST", "/admin/invalidate", {"cache_scope": "other"}, expect=403)
    radius = {"embedding": axis(8, 0), "threshold": 0.9, "model_id": "admin::8"}
    me.call("POST", "/admin/invalidate", {**radius, "cache_scope": "other"}, expect=403)
    for name in ("admin::8", "admin::8::other"):
        me.call("DELETE", f"/namespaces/{path_segment(name)}", expect=(403, 404))
    me.call("DELETE", "/namespaces?model_id=admin::8&cache_scope=other", expect=403)
    assert left(ids) == set(places)
    assert me.invalidate(**radius)["deleted_count"] == 1
    assert left(ids) == {"", "other", "talk"}
    listed = {entry["name"] for entry in me.namespaces(prefix="admin::8")["namespaces"]}
    assert listed == {"admin::8::tenant::conv_7"}
    shown = me.call("GET", "/admin/entry-stats").json()["namespaces"]
    assert {"admin::8::tenant::conv_7"} <= set(shown)
    assert all("tenant" in name.split("::") for name in shown), "no other scope's questions are shown"
    me.call("DELETE", f"/namespaces/{path_segment('admin::8::tenant::conv_7')}")
    assert left(ids) == {"", "other"}


@contract("auth-14: http.metrics_auth")
def test_metrics_auth(nodes):
    node = nodes.start({"http.metrics_auth": "true"}, environment={"FERROCACHE_AUTH_TOKEN": "secret"})
    node.api.call("GET", "/metrics", expect=401)
    node.api.with_token("secret").call("GET", "/metrics")
    for target in ("/health", "/livez", "/readyz"):
        node.api.call("GET", target)


@contract("auth-16: the token generation shows in status", "auth-7: generation=N")
def test_generation_in_status(as_):
    text = as_(READER).call("GET", "/cluster/status").text()
    assert "generation" in text and "7" in text
    for token in (ADMIN, WRITER, READER, EXTRA, TENANT_ADMIN):
        assert token not in text


@contract("process-3: no token in logs or errors")
def test_no_token_leaks(guarded, as_):
    as_("a-wrong-but-secret-token").call("GET", "/stats", expect=401)
    guarded.client.request("GET", "/stats", headers={"Authorization": f"Basic {ADMIN}"})
    answers = "".join(
        as_(ADMIN).call("GET", target).text() for target in ("/stats", "/cluster/status", "/metrics"))
    tokens = [ADMIN, WRITER, READER, TENANT_ADMIN, TENANT_WRITER, TENANT_READER, EXTRA]
    for token in [*tokens, "a-wrong-but-secret-token"]:
        assert token not in guarded.log() and token not in answers
