"""The client for programs with an asyncio event loop, on httpx (the extra ``async``)."""

from __future__ import annotations

import asyncio
import ssl
import time
import weakref
from types import TracebackType
from typing import Any, AsyncIterator, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Type, Union

try:
    import httpx
except ImportError:  # told where a client is made: without it the package's names can still be listed, and all be imported
    httpx = None  # type: ignore[assignment]

from . import _calls
from ._attempts import Attempt, Attempts, NotAnswered, NotSent, unanswered
from ._calls import Call, Embedding, Json
from ._endpoints import Endpoints, parse_endpoints
from ._settings import DEFAULT_RETRIES, DEFAULT_TIMEOUT_SECONDS, Headers, Token, tls_of
from ._transport import IDLE_CONNECTIONS_MAX
from .errors import FerrocacheError

__all__ = ["AsyncFerrocacheClient", "FerrocacheError"]

CONNECTIONS_MAX = 256


class AsyncFerrocacheClient:
    """FerrocacheClient's methods, to be awaited. The arguments are the same.

    Connections belong to the event loop that opened them: a client that is used from several loops, one after the other or
    side by side, keeps a pool for each. ``aclose`` closes the running loop's.
    """

    def __init__(
        self,
        base_url: Union[str, Sequence[str]],
        timeout: Optional[float] = DEFAULT_TIMEOUT_SECONDS,
        auth_token: Optional[Token] = None,
        *,
        retries: int = DEFAULT_RETRIES,
        ca_file: Optional[str] = None,
        cert_file: Optional[str] = None,
        key_file: Optional[str] = None,
        ssl_context: Optional[ssl.SSLContext] = None,
    ) -> None:
        if httpx is None:
            raise ImportError("the async client needs httpx: pip install 'ferrocache[async]'")
        endpoints = parse_endpoints(base_url)
        self.base_url = endpoints[0].url
        self.timeout = timeout
        self._retries = retries
        self._headers = Headers(auth_token)
        self._endpoints = Endpoints(endpoints, time.monotonic)
        self._needs_tls = any(endpoint.scheme == "https" for endpoint in endpoints)
        self._tls = tls_of(self._needs_tls, ca_file, cert_file, key_file, ssl_context)
        self._pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = weakref.WeakKeyDictionary()

    def __getstate__(self) -> Dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_pools"}  # a copy's connections are its own

    def __setstate__(self, state: Dict[str, Any]) -> None:
        vars(self).update(state, _pools=weakref.WeakKeyDictionary())

    async def aclose(self) -> None:
        """Closes the running loop's connections. A later call opens new ones."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.aclose()

    close = aclose

    async def __aenter__(self) -> AsyncFerrocacheClient:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.aclose()

    # --- entries ---

    async def insert(
        self,
        embedding: Embedding,
        response: str,
        query_text: str,
        model_id: str,
        ttl_seconds: Optional[int] = None,
        cache_scope: Optional[str] = None,
        conversation_id: Optional[str] = None,
        *,
        id: Optional[str] = None,
        tags: Optional[Iterable[str]] = None,
        attributes: Optional[Mapping[str, str]] = None,
        cost: Optional[float] = None,
        local: Optional[bool] = None,
    ) -> Json:
        body = _calls.insert_body(
            embedding, response, query_text, model_id, ttl_seconds, cache_scope, conversation_id,
            id, tags, attributes, cost,
        )  # fmt: skip
        return await self._json(_calls.insert(body, local))

    async def query(
        self,
        embedding: Embedding,
        threshold: Optional[float] = 0.92,
        model_id: Optional[str] = None,
        query_text: Optional[str] = None,
        cache_scope: Optional[str] = None,
        conversation_id: Optional[str] = None,
        *,
        attributes: Optional[Mapping[str, str]] = None,
        top_k: Optional[int] = None,
        local: Optional[bool] = None,
        repair: Optional[bool] = None,
    ) -> Json:
        body = _calls.query_body(embedding, threshold, model_id, query_text, cache_scope, conversation_id, attributes, top_k)
        return await self._json(_calls.query(body, local, repair))

    async def insert_batch(self, items: Iterable[Mapping[str, Any]], *, local: Optional[bool] = None) -> List[Json]:
        return _calls.results(await self._json(_calls.insert_batch(items, local)))

    async def query_batch(
        self, items: Iterable[Mapping[str, Any]], *, local: Optional[bool] = None, repair: Optional[bool] = None
    ) -> List[Json]:
        return _calls.results(await self._json(_calls.query_batch(items, local, repair)))

    async def get_entry(
        self,
        uuid: str,
        *,
        model_id: Optional[str] = None,
        cache_scope: Optional[str] = None,
        conversation_id: Optional[str] = None,
        vector: bool = False,
        local: Optional[bool] = None,
    ) -> Json:
        return await self._json(_calls.get_entry(uuid, model_id, cache_scope, conversation_id, vector, local))

    async def internal_entry(self, uuid: str) -> Json:
        return await self._json(_calls.internal_entry(uuid))

    async def delete_entry(
        self,
        uuid: str,
        *,
        model_id: Optional[str] = None,
        cache_scope: Optional[str] = None,
        conversation_id: Optional[str] = None,
        local: Optional[bool] = None,
    ) -> Json:
        try:
            return await self._json(_calls.delete_entry(uuid, model_id, cache_scope, conversation_id, local))
        except FerrocacheError as error:
            if _calls.already_deleted(error):
                return dict(_calls.NOT_THERE)
            raise

    # --- many entries at once ---

    async def invalidate(
        self,
        embedding: Embedding,
        threshold: float,
        model_id: str,
        cache_scope: Optional[str] = None,
        *,
        conversation_id: Optional[str] = None,
        dry_run: bool = False,
        local: Optional[bool] = None,
    ) -> Json:
        return await self._json(_calls.invalidate(embedding, threshold, model_id, cache_scope, conversation_id, dry_run, local))

    async def invalidate_matching(
        self,
        *,
        tags: Optional[Iterable[str]] = None,
        attributes: Optional[Mapping[str, str]] = None,
        cache_scope: Optional[str] = None,
        dry_run: bool = False,
        local: Optional[bool] = None,
    ) -> Json:
        return await self._json(_calls.invalidate_matching(tags, attributes, cache_scope, dry_run, local))

    async def namespaces(self, prefix: Optional[str] = None, limit: Optional[int] = None, after: Optional[str] = None) -> Json:
        return await self._json(_calls.namespaces(prefix, limit, after))

    async def iter_namespaces(self, prefix: Optional[str] = None, page_size: int = 1000) -> AsyncIterator[Json]:
        after: Optional[str] = None
        while True:
            page = await self.namespaces(prefix, page_size, after)
            for namespace in page["namespaces"]:
                yield namespace
            after = page.get("next")
            if not after:
                return

    async def drop_namespace(
        self,
        name: Optional[str] = None,
        *,
        model_id: Optional[str] = None,
        cache_scope: Optional[str] = None,
        conversation_id: Optional[str] = None,
    ) -> Json:
        return await self._json(_calls.drop_namespace(name, model_id, cache_scope, conversation_id))

    # --- the server ---

    async def health(self) -> Json:
        return await self._json(_calls.HEALTH)

    async def ready(self) -> bool:
        return bool((await self.readiness()).get("status") == "ready")

    async def readiness(self) -> Json:
        status, headers, body = await self._exchange(_calls.READY)
        if not _calls.is_success(status) and status != 503:
            raise _calls.refused(_calls.READY, status, headers, body)
        return _calls.understood(_calls.READY, status, body)

    async def stats(self) -> Json:
        return await self._json(_calls.STATS)

    async def cluster_status(self) -> Json:
        return await self._json(_calls.CLUSTER_STATUS)

    async def entry_stats(self) -> Json:
        return await self._json(_calls.ENTRY_STATS)

    async def compact(self) -> Json:
        return await self._json(_calls.COMPACT)

    async def drain(self) -> Json:
        return await self._json(_calls.DRAIN)

    async def cancel_drain(self) -> Json:
        return await self._json(_calls.CANCEL_DRAIN)

    async def metrics(self) -> str:
        return (await self._successful(_calls.METRICS))[1].decode("utf-8")

    async def openapi(self) -> Json:
        return await self._json(_calls.OPENAPI)

    # --- sending ---

    def _pool(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=IDLE_CONNECTIONS_MAX)
            # Without https there is no context to spend time on: False makes none.
            verify: Union[ssl.SSLContext, bool] = self._tls.context if self._needs_tls and self._tls is not None else False
            pool = httpx.AsyncClient(verify=verify, limits=limits, trust_env=False)
            self._pools[loop] = pool
        return pool

    async def _json(self, call: Call) -> Json:
        status, body = await self._successful(call)
        return _calls.understood(call, status, body)

    async def _successful(self, call: Call) -> Tuple[int, bytes]:
        status, headers, body = await self._exchange(call)
        if not _calls.is_success(status):
            raise _calls.refused(call, status, headers, body)
        return status, body

    async def _exchange(self, call: Call) -> Tuple[int, Mapping[str, str], bytes]:
        payload = call.encoded()
        headers = self._headers(payload is not None)
        attempts = Attempts(self._endpoints, call.safe, self._retries, self.timeout, time.monotonic)
        while True:
            attempt = attempts.next()
            answer = None
            failure: Exception
            try:
                answer = await self._once(attempt, call, headers, payload)
                if _calls.is_success(answer[0]):
                    attempts.answered(attempt)
                    return answer
                failure = _calls.failure(call, *answer)
            except (NotSent, NotAnswered) as error:
                failure = error
            wait = attempts.wait_before_next(attempt, failure)
            if wait is None:
                if answer is not None:
                    return answer
                path = call.path.partition("?")[0]
                raise unanswered(call.method, attempt.endpoint.url, path, failure) from failure
            if wait:
                await asyncio.sleep(wait)

    async def _once(
        self, attempt: Attempt, call: Call, headers: Dict[str, bytes], payload: Optional[bytes]
    ) -> Tuple[int, Mapping[str, str], bytes]:
        """One exchange within the attempt's time; raises NotSent or NotAnswered."""
        now = time.monotonic()
        left = None if attempt.deadline is None else max(0.001, attempt.deadline - now)
        connect = None if attempt.connect_deadline is None else max(0.001, attempt.connect_deadline - now)
        request = self._pool().request(
            call.method,
            attempt.endpoint.url + call.path,
            content=payload,
            headers=[(name.encode(), value) for name, value in headers.items()],
            timeout=httpx.Timeout(left, connect=connect, pool=connect),
        )
        try:
            response = await asyncio.wait_for(request, left)  # httpx's own limits are for each step of the exchange
        except (httpx.InvalidURL, UnicodeError) as error:  # a host that has no name in the DNS; neither is an HTTPError
            raise NotSent(str(error)) from error
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            told = "timed out" if isinstance(error, httpx.TimeoutException) else str(error)
            raise NotSent(told or type(error).__name__) from error
        except (httpx.TimeoutException, asyncio.TimeoutError) as error:
            raise NotAnswered("timed out") from error
        except (httpx.HTTPError, OSError) as error:
            raise NotAnswered(str(error) or type(error).__name__) from error
        return response.status_code, {name.lower(): value for name, value in response.headers.items()}, response.content
