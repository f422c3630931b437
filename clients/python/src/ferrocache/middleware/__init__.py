"""Wrappers that put the cache between a program and the SDK of its model.

    from openai import OpenAI
    from ferrocache.middleware import wrap_openai

    client = wrap_openai(OpenAI())
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=[...])
    answer._ferrocache_hit          # True, False, or None: the cache could not be used

Model, system prompt, earlier turns, tools, response format and sampling parameters must be equal for a hit; only what the
user said last is compared by meaning. Never stored: tool calls, truncated, filtered, refused, failed and aborted answers.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, List, Optional, Sequence, TypeVar, Union, cast

from .._cache import DEFAULT_TIMEOUT_SECONDS, Options
from .._settings import Token
from ..embeddings import Embedder, EmbedFunction
from ..embeddings._base import is_coroutine_function
from ._anthropic import AnthropicDialect
from ._dialect import Dialect
from ._flow import AsyncFlow, Flow, SyncFlow
from ._openai import OpenAIDialect
from ._proxy import Proxy

__all__ = ["wrap_anthropic", "wrap_openai"]

Client = TypeVar("Client")


def wrap_openai(
    client: Client,
    cache_url: Optional[str] = None,
    threshold: Optional[float] = None,
    embed_fn: Union[EmbedFunction, Embedder, str, None] = None,
    model_id: Optional[str] = None,
    fail_open: bool = True,
    auth_token: Optional[Token] = None,
    cache_scope: Optional[str] = None,
    conversation_id: Optional[str] = None,
    *,
    ttl_seconds: Optional[int] = None,
    tags: Sequence[str] = (),
    timeout: float = DEFAULT_TIMEOUT_SECONDS,
    numbers_exact: bool = True,
) -> Client:
    """An OpenAI (or AsyncOpenAI, or Azure) client whose ``chat.completions.create`` asks the cache first.

    cache_url: FERROCACHE_URL, else http://localhost:3000. Several, separated by commas, are tried in turn.
    threshold: least similarity (cosine) of a hit: FERROCACHE_THRESHOLD, else 0.92.
    embed_fn: a function of a text (needs ``model_id``), or the name of a model for ``ferrocache.embeddings.embedder``;
        None: FERROCACHE_EMBED_MODEL, else all-MiniLM-L6-v2.
    fail_open: a cache or embedder that fails costs at most ``timeout`` seconds each and is never seen by the caller.
        False: FerrocacheError.
    auth_token: FERROCACHE_AUTH_TOKEN if None; "" = none.
    cache_scope, conversation_id: the tenant and the conversation whose answers may be served.
    ttl_seconds, tags: of what is stored.
    numbers_exact: numbers in the question must be equal for a hit.
    """
    options = Options.of(
        cache_url, threshold, embed_fn, model_id, fail_open, auth_token, cache_scope, conversation_id,
        ttl_seconds, tags, timeout, numbers_exact,
    )  # fmt: skip
    return cast(Client, _wrapped(client, OpenAIDialect(), options))


def wrap_anthropic(
    client: Client,
    cache_url: Optional[str] = None,
    threshold: Optional[float] = None,
    embed_fn: Union[EmbedFunction, Embedder, str, None] = None,
    model_id: Optional[str] = None,
    fail_open: bool = True,
    auth_token: Optional[Token] = None,
    cache_scope: Optional[str] = None,
    conversation_id: Optional[str] = None,
    *,
    ttl_seconds: Optional[int] = None,
    tags: Sequence[str] = (),
    timeout: float = DEFAULT_TIMEOUT_SECONDS,
    numbers_exact: bool = True,
) -> Client:
    """An Anthropic (or AsyncAnthropic) client whose ``messages.create`` asks the cache first; as wrap_openai."""
    options = Options.of(
        cache_url, threshold, embed_fn, model_id, fail_open, auth_token, cache_scope, conversation_id,
        ttl_seconds, tags, timeout, numbers_exact,
    )  # fmt: skip
    return cast(Client, _wrapped(client, AnthropicDialect(), options))


def _wrapped(client: Any, dialect: Dialect, options: Options) -> Any:
    """A proxy of the client, of what lies on the dialect's path, and of the copies that the client makes of itself."""
    create = _create_of(client, dialect)
    make: Callable[..., Flow] = AsyncFlow if _is_async(client, create) else SyncFlow
    return _client_proxy(client, make(dialect, options, create, client))


def _create_of(client: Any, dialect: Dialect) -> Any:
    if inspect.isclass(client):
        raise TypeError(f"wrap a client, not its class: {client.__name__}()")
    owner = client
    try:
        for name in [*dialect.path, "create"]:
            owner = getattr(owner, name)
    except AttributeError as error:
        wrapper, sdk = f"wrap_{dialect.module}", dialect.module
        raise TypeError(
            f"{wrapper} wraps a client of {sdk}, whose {'.'.join(dialect.path)}.create is cached; {type(client).__name__} has none"
        ) from error
    return owner


def _client_proxy(client: Any, flow: Flow) -> Any:
    made = _path_to_create(client, flow.dialect.path, flow)
    for name in ("with_options", "copy"):
        if hasattr(client, name):
            made[name] = _copying(getattr(client, name), flow)
    if hasattr(client, "close"):
        made["close"] = _closing_too(client.close, flow)
    return Proxy(client, made)


def _path_to_create(owner: Any, path: List[str], flow: Flow) -> Dict[str, Callable[[], Any]]:
    if not path:
        return {"create": flow.function}

    def next_on_the_path() -> Any:
        inner = getattr(owner, path[0])
        return Proxy(inner, _path_to_create(inner, path[1:], flow))

    return {path[0]: next_on_the_path}


def _copying(method: Callable[..., Any], flow: Flow) -> Callable[[], Callable[..., Any]]:
    """A copy of a wrapped client is wrapped, too, and uses the same cache."""

    def copied(*given: Any, **named: Any) -> Any:
        client = method(*given, **named)
        return _client_proxy(client, flow.for_client(_create_of(client, flow.dialect), client))

    return lambda: copied


def _closing_too(method: Callable[..., Any], flow: Flow) -> Callable[[], Callable[[], Any]]:
    """Closing the client closes the connections to the cache."""

    async def close_async() -> None:
        await flow.close_async()
        await method()

    def close() -> None:
        flow.close()
        method()

    return lambda: close_async if isinstance(flow, AsyncFlow) else close


def _is_async(client: Any, create: Any) -> bool:
    if any(base.__name__ in ("AsyncAPIClient", "AsyncOpenAI", "AsyncAnthropic") for base in type(client).__mro__):
        return True
    return is_coroutine_function(create)
