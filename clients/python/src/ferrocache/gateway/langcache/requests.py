"""The bodies of LangCache's API, read and checked. Every fault is a Problem with status 400."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Dict, NoReturn, Optional, Tuple

from ..config import ATTRIBUTE_NAME, Cache
from ..store import PARTS_MAX, to_node
from .problems import INVALID, Problem, wrong

Json = Dict[str, Any]

EXACT, SEMANTIC = "exact", "semantic"
ATTRIBUTES_MAX = 5
TTL_MILLIS_MAX = 31_556_952_000
RESULTS_MAX = 100  # the node's
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Search:
    prompt: str
    threshold: float
    attributes: Dict[str, str]
    strategies: Tuple[str, ...]
    count: int


@dataclass(frozen=True)
class Set:
    prompt: str
    response: str
    attributes: Dict[str, str]
    ttl_millis: Optional[int]


def parsed(body: bytes) -> Json:
    """The JSON object of a body, whatever its Content-Type says."""

    def no_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is no number of JSON")

    try:
        made = json.loads(body.decode("utf-8"), parse_constant=no_constant)
    except UnicodeDecodeError as error:
        raise Problem(INVALID, "the body is not UTF-8") from error
    except RecursionError as error:
        raise Problem(INVALID, "the body is nested too deeply") from error
    except ValueError as error:
        where = f" at line {error.lineno} column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Problem(INVALID, f"the body is not JSON{where}") from error
    if not isinstance(made, dict):
        raise Problem(INVALID, "the body must be a JSON object")
    return made


def search(body: Json, cache: Cache) -> Search:
    return Search(
        prompt=_prompt(body, cache),
        threshold=_threshold(body, cache),
        attributes=_attributes(body, cache),
        strategies=_strategies(body),
        count=_whole(body, "maxResults", 1, RESULTS_MAX) or 1,
    )


def set_entry(body: Json, cache: Cache) -> Set:
    prompt = _prompt(body, cache)
    response = _text(body, "response")
    ttl = _whole(body, "ttlMillis", 1, TTL_MILLIS_MAX)
    if ttl is None and cache.default_ttl_seconds:
        ttl = cache.default_ttl_seconds * 1000
    return Set(prompt, response, _attributes(body, cache), ttl)


def delete_query(body: Json, cache: Cache) -> Dict[str, str]:
    if body.get("attributes") is None:
        raise wrong("attributes", "required", "must be given: what an entry must have to be deleted")
    made = _attributes(body, cache)
    if not made:
        raise wrong("attributes", "minProperties", "must not be empty; to delete every entry, flush the cache")
    return made


def _text(body: Json, field: str) -> str:
    value = body.get(field)
    if value is None:
        raise wrong(field, "required", "must be given")
    if not isinstance(value, str):
        raise wrong(field, "type", "must be a string")
    if _SURROGATE.search(value):
        raise wrong(field, "encoding", "holds half of a surrogate pair")
    return value


def _prompt(body: Json, cache: Cache) -> str:
    value = _text(body, "prompt")
    if not value:
        raise wrong("prompt", "minLength", "must not be empty")
    if len(value) > cache.prompt_max_characters:
        raise wrong("prompt", "maxLength", f"must have at most {cache.prompt_max_characters} characters")
    return value


def _threshold(body: Json, cache: Cache) -> float:
    value = body.get("similarityThreshold")
    if value is None:
        return cache.threshold
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong("similarityThreshold", "type", "must be a number")
    if not 0 <= value <= 1:  # infinity, which an overflowing number becomes, included
        raise wrong("similarityThreshold", "range", "must be from 0 to 1")
    return float(value)


def _whole(body: Json, field: str, least: int, most: int) -> Optional[int]:
    value = body.get(field)
    if value is None:
        return None
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(field, "type", "must be a whole number")
    if not least <= value <= most:
        raise wrong(field, "range", f"must be from {least} to {most}")
    return value


def _strategies(body: Json) -> Tuple[str, ...]:
    value = body.get("searchStrategies")
    if value is None:
        return (SEMANTIC,)
    if not isinstance(value, list) or not value or any(item not in (EXACT, SEMANTIC) for item in value):
        raise wrong("searchStrategies", "enum", 'must be a list of "exact" and "semantic", the first tried first')
    return tuple(dict.fromkeys(value))


def _attributes(body: Json, cache: Cache) -> Dict[str, str]:
    value = body.get("attributes")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong("attributes", "type", "must be an object of strings")
    if value and not cache.attributes:
        raise wrong("attributes", "configured", "no attributes are configured for this cache")
    if len(value) > ATTRIBUTES_MAX:
        raise wrong("attributes", "maxProperties", f"must be at most {ATTRIBUTES_MAX}")
    for name, item in value.items():
        if not ATTRIBUTE_NAME.fullmatch(name):
            raise wrong("attributes", "pattern", "names must be 1 to 32 of A-Z a-z 0-9 _ -")
        field = f"attributes.{name}"
        if name not in cache.attributes:
            raise wrong(field, "configured", f"is not configured for this cache, which has {', '.join(cache.attributes)}")
        if not isinstance(item, str):
            raise wrong(field, "type", "must be a string")
        if not 1 <= len(item) <= cache.attribute_max_characters:
            raise wrong(field, "length", f"must have 1 to {cache.attribute_max_characters} characters")
        if "," in item:
            raise wrong(field, "pattern", "must not hold a comma")
        if _SURROGATE.search(item):
            raise wrong(field, "encoding", "holds half of a surrogate pair")
    if len(to_node(value)) > PARTS_MAX:  # only with a limit beyond LangCache's own
        raise wrong("attributes", "length", "are too long all together")
    return value
