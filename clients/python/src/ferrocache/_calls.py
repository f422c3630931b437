"""Every route of the HTTP API as a value: what to send, and whether sending it twice does no harm. Both clients share it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from numbers import Number, Real
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Union
from urllib.parse import quote, urlencode
from uuid import UUID

from .errors import FerrocacheError

Json = Dict[str, Any]
# A sequence of numbers; whatever has tolist() (numpy, torch, array.array) is taken, too.
Embedding = Union[Sequence[float], Any]


@dataclass(frozen=True)
class Call:
    """One request. ``safe`` calls may be sent again when it is not known whether they arrived."""

    method: str
    path: str
    body: Optional[Json] = None
    safe: bool = False

    def encoded(self) -> Optional[bytes]:
        return None if self.body is None else json.dumps(self.body, separators=(",", ":"), default=_as_json).encode("utf-8")


def _as_json(value: Any) -> Any:
    """What json does not know and what is as good as what it does: numbers of numpy, Decimal and Fraction; ids that are UUIDs."""
    if isinstance(value, UUID):
        return str(value)
    if hasattr(value, "item"):
        return value.item()
    if isinstance(value, Number):
        return float(value)  # type: ignore[arg-type]
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def numbers(embedding: Embedding) -> List[Any]:
    """The embedding as a plain list. A matrix of one row is that row."""
    if hasattr(embedding, "tolist"):
        embedding = embedding.tolist()
    if isinstance(embedding, (str, bytes)) or not hasattr(embedding, "__iter__"):
        raise TypeError(f"embedding must be a sequence of numbers, not {type(embedding).__name__}")
    values = [value.item() if hasattr(value, "item") else value for value in embedding]
    if len(values) == 1 and isinstance(values[0], (list, tuple)):
        return list(values[0])
    return values


def _given(**fields: Any) -> Json:
    """Without the options that are None: those are not sent."""
    return {name: value for name, value in fields.items() if value is not None}


def whole(seconds: Any) -> Any:
    """As the server wants to see a whole number: 3600.0, of timedelta.total_seconds(), and numpy's are 3600."""
    if isinstance(seconds, Real) and not isinstance(seconds, bool) and float(seconds).is_integer():
        return int(float(seconds))
    return seconds


def _path(path: str, **parameters: Any) -> str:
    given = {name: str(value).lower() if isinstance(value, bool) else value for name, value in _given(**parameters).items()}
    return f"{path}?{urlencode(given)}" if given else path


def _list(values: Optional[Iterable[str]]) -> Optional[List[str]]:
    if isinstance(values, str):
        raise TypeError("tags must be a list of strings, not one string")
    return None if values is None else list(values)


def _dict(values: Optional[Mapping[str, str]]) -> Optional[Dict[str, str]]:
    return None if values is None else dict(values)


def insert_body(
    embedding: Embedding,
    response: str,
    query_text: str,
    model_id: str,
    ttl_seconds: Optional[int] = None,
    cache_scope: Optional[str] = None,
    conversation_id: Optional[str] = None,
    id: Optional[str] = None,
    tags: Optional[Iterable[str]] = None,
    attributes: Optional[Mapping[str, str]] = None,
    cost: Optional[float] = None,
) -> Json:
    return _given(
        embedding=numbers(embedding),
        response=response,
        query_text=query_text,
        model_id=model_id,
        ttl_seconds=whole(ttl_seconds),
        cache_scope=cache_scope,
        conversation_id=conversation_id,
        id=id,
        tags=_list(tags),
        attributes=_dict(attributes),
        cost=cost,
    )


def insert(body: Json, local: Optional[bool] = None) -> Call:
    return Call("POST", _path("/insert", local=local), body, safe="id" in body)


def query_body(
    embedding: Embedding,
    threshold: Optional[float] = 0.92,
    model_id: Optional[str] = None,
    query_text: Optional[str] = None,
    cache_scope: Optional[str] = None,
    conversation_id: Optional[str] = None,
    attributes: Optional[Mapping[str, str]] = None,
    top_k: Optional[int] = None,
) -> Json:
    if not model_id:
        raise ValueError("model_id is required: the name under which the entries were inserted")
    return _given(
        embedding=numbers(embedding),
        threshold=threshold,
        model_id=model_id,
        query_text=query_text,
        cache_scope=cache_scope,
        conversation_id=conversation_id,
        attributes=_dict(attributes),
        top_k=top_k,
    )


def query(body: Json, local: Optional[bool] = None, repair: Optional[bool] = None) -> Call:
    return Call("POST", _path("/query", local=local, repair=repair), body, safe=True)


def _items(items: Iterable[Mapping[str, Any]]) -> List[Json]:
    made = []
    for item in items:
        fields = _given(**dict(item))
        if "embedding" in fields:
            fields["embedding"] = numbers(fields["embedding"])
        if "ttl_seconds" in fields:
            fields["ttl_seconds"] = whole(fields["ttl_seconds"])
        made.append(fields)
    return made


def insert_batch(items: Iterable[Mapping[str, Any]], local: Optional[bool] = None) -> Call:
    made = _items(items)
    safe = all("id" in item or "uuid" in item for item in made)
    return Call("POST", _path("/insert/batch", local=local), {"items": made}, safe)


def query_batch(items: Iterable[Mapping[str, Any]], local: Optional[bool] = None, repair: Optional[bool] = None) -> Call:
    return Call("POST", _path("/query/batch", local=local, repair=repair), {"items": _items(items)}, safe=True)


def _entry_path(root: str, uuid: str, **parameters: Any) -> str:
    if not uuid or not str(uuid).strip():
        raise ValueError("uuid must not be empty")
    return _path(f"{root}/{quote(str(uuid), safe='')}", **parameters)


def get_entry(
    uuid: str,
    model_id: Optional[str] = None,
    cache_scope: Optional[str] = None,
    conversation_id: Optional[str] = None,
    vector: Optional[bool] = None,
    local: Optional[bool] = None,
) -> Call:
    path = _entry_path(
        "/entry",
        uuid,
        model_id=model_id,
        cache_scope=cache_scope,
        conversation_id=conversation_id,
        vector=vector or None,
        local=local,
    )
    return Call("GET", path, safe=True)


def internal_entry(uuid: str) -> Call:
    return Call("GET", _entry_path("/internal/entry", uuid), safe=True)


def delete_entry(
    uuid: str,
    model_id: Optional[str] = None,
    cache_scope: Optional[str] = None,
    conversation_id: Optional[str] = None,
    local: Optional[bool] = None,
) -> Call:
    path = _entry_path("/entry", uuid, model_id=model_id, cache_scope=cache_scope, conversation_id=conversation_id, local=local)
    return Call("DELETE", path, safe=True)


NOT_THERE: Json = {"status": "deleted", "deleted": False}


def already_deleted(error: FerrocacheError) -> bool:
    """Deleting what is not there is no failure: it is gone, as was asked."""
    return error.status == 404 and "entry not found" in str(error)


def invalidate(
    embedding: Embedding,
    threshold: float,
    model_id: str,
    cache_scope: Optional[str] = None,
    conversation_id: Optional[str] = None,
    dry_run: Optional[bool] = None,
    local: Optional[bool] = None,
) -> Call:
    body = _given(
        embedding=numbers(embedding),
        threshold=threshold,
        model_id=model_id,
        cache_scope=cache_scope,
        conversation_id=conversation_id,
        dry_run=dry_run or None,
    )
    return Call("POST", _path("/admin/invalidate", local=local), body, safe=bool(dry_run))


def invalidate_matching(
    tags: Optional[Iterable[str]] = None,
    attributes: Optional[Mapping[str, str]] = None,
    cache_scope: Optional[str] = None,
    dry_run: Optional[bool] = None,
    local: Optional[bool] = None,
) -> Call:
    body = _given(tags=_list(tags), attributes=_dict(attributes), cache_scope=cache_scope)
    if not any(body.values()):
        raise ValueError("name what to delete: tags, attributes or cache_scope")
    if dry_run:
        body["dry_run"] = True
    return Call("POST", _path("/admin/invalidate", local=local), body, safe=bool(dry_run))


def namespaces(prefix: Optional[str] = None, limit: Optional[int] = None, after: Optional[str] = None) -> Call:
    return Call("GET", _path("/namespaces", prefix=prefix, limit=limit, after=after), safe=True)


def drop_namespace(
    name: Optional[str] = None,
    model_id: Optional[str] = None,
    cache_scope: Optional[str] = None,
    conversation_id: Optional[str] = None,
) -> Call:
    if (name is None) == (model_id is None):
        raise ValueError("give either the printed name of the namespace or its model_id")
    if name is not None:
        if not name:
            raise ValueError("name must not be empty")
        if cache_scope is not None or conversation_id is not None:
            raise ValueError("the printed name already holds scope and conversation")
        return Call("DELETE", f"/namespaces/{quote(name, safe='')}")
    return Call(
        "DELETE",
        _path("/namespaces", model_id=model_id, cache_scope=cache_scope, conversation_id=conversation_id),
    )


COMPACT = Call("POST", "/admin/compact", safe=True)
DRAIN = Call("POST", "/admin/drain", safe=True)
CANCEL_DRAIN = Call("DELETE", "/admin/drain", safe=True)
ENTRY_STATS = Call("GET", "/admin/entry-stats", safe=True)
STATS = Call("GET", "/stats", safe=True)
CLUSTER_STATUS = Call("GET", "/cluster/status", safe=True)
HEALTH = Call("GET", "/health", safe=True)
READY = Call("GET", "/readyz")
METRICS = Call("GET", "/metrics", safe=True)
OPENAPI = Call("GET", "/openapi.json", safe=True)


def is_success(status: int) -> bool:
    return 200 <= status < 300


def failure(call: Call, status: int, headers: Mapping[str, str], body: bytes) -> FerrocacheError:
    """What a non-2xx answer becomes: the server's own sentence where there is one."""
    said = ""
    try:
        answer = json.loads(body)
        if isinstance(answer, dict):
            said = str(answer.get("error") or "")
    except ValueError:
        said = body[:200].decode("utf-8", "replace").strip()
    try:
        retry_after: Optional[float] = max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        retry_after = None
    path = call.path.partition("?")[0]
    return FerrocacheError(f"{call.method} {path}: HTTP {status}{': ' + said if said else ''}", status, retry_after)


def refused(call: Call, status: int, headers: Mapping[str, str], body: bytes) -> FerrocacheError:
    """The same of a node, with where its client gets a token from."""
    error = failure(call, status, headers, body)
    if status == 401:
        error.args = (f"{error}; the token is auth_token, or FERROCACHE_AUTH_TOKEN of the environment",)
    elif "no such path" in str(error):
        error.args = (f"{error}; check the base URL, which ends before the route",)
    return error


def understood(call: Call, status: int, body: bytes) -> Json:
    """The JSON object of a 2xx answer."""
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise FerrocacheError(f"{call.method} {call.path}: the answer is not JSON: {error}", status) from error
    if not isinstance(answer, dict):
        raise FerrocacheError(f"{call.method} {call.path}: the answer is not a JSON object", status)
    return answer


def results(answer: Json) -> List[Json]:
    found = answer.get("results")
    if not isinstance(found, list):
        raise FerrocacheError("the answer to a batch has no results", 200)
    return found
