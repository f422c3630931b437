"""The proxy's routes as an ASGI application: who asks, what is stored already, and otherwise the provider."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import re
import time
import uuid
from typing import Callable, Optional, Set

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ...async_client import AsyncFerrocacheClient
from ...errors import FerrocacheError
from ..bodies import BodyTooLarge, BodyTooSlow, read_body
from ..config import Server
from ..embedding import EmbeddingService
from ..metrics import Metrics
from . import metrics as outcomes
from .answers import BYPASS, HIT_STALE, MISS, Forwarded, Relayed, hit_headers, kind_of, replay_of, with_headers
from .ask import Ask, ask_of
from .callers import Caller, Callers
from .config import ProxySettings
from .deps import invalidation_of
from .entries import Entries, Hit, Lookup
from .flight import Broken, Failure, Flight, Reader
from .flights import Flights, Wanted
from .metrics import ProxyMetrics
from .problems import Refusal
from .routes import INVALIDATE, Operation, Routes
from .upstream import Provider

API = "proxy"
# How often somebody who waits for another's call makes a new one after that failed.
TAKEOVERS_MAX = 2
REFRESHES_MAX = 64
RETRY_SECONDS = 1.0
_log = logging.getLogger(__name__)
_REQUEST_ID = re.compile(r"[!-~]{1,128}")


class ProxyApi:
    """Belongs to the event loop. What is none of its routes goes to ``otherwise``, if there is another door."""

    def __init__(
        self,
        settings: ProxySettings,
        server: Server,
        node: AsyncFerrocacheClient,
        embedding: EmbeddingService,
        metrics: Metrics,
        otherwise: Optional[ASGIApp],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._server, self._metrics, self._otherwise = settings, server, metrics, otherwise
        self._counted = ProxyMetrics(metrics, settings.prices)
        self._callers = Callers(settings)
        count_failure = metrics.failures.labels("node").inc
        self._entries = Entries(settings, node, embedding, count_failure, wall_clock)
        self._flights = Flights(self._entries, settings.threshold, settings.max_answer_bytes, self._count_stored)
        self._counted.waiting(self._flights.waiting)
        # More than requests at once: those that refresh come on top.
        connections = server.max_concurrent_requests + REFRESHES_MAX
        upstreams = {"openai": settings.openai, "anthropic": settings.anthropic, "azure": settings.azure}
        self._providers = {name: Provider(name, one, connections) for name, one in upstreams.items() if one is not None}
        self._routes = Routes(settings.tool_calls, settings.azure is not None)
        self._refreshing: Set[asyncio.Task[None]] = set()
        self._in_flight = 0

    async def stop(self) -> None:
        for task in self._refreshing:
            task.cancel()
        await asyncio.gather(*self._refreshing, return_exceptions=True)
        await self._flights.stop()
        for provider in self._providers.values():
            await provider.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = self._path(scope)
        is_anthropic = path.startswith("/v1/messages") or "anthropic-version" in request.headers
        operation = self._routes.find(request.method, path, is_anthropic)
        if operation is None and self._otherwise is not None:
            await self._otherwise(scope, receive, send)
            return
        given = request.headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        begin = time.monotonic()
        self._in_flight += 1
        self._metrics.in_flight.inc()
        try:
            response = await self._answered(operation, request, request_id, is_anthropic)
            self._told(operation, response.status_code, time.monotonic() - begin, request_id)
            await response(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is there to be answered
        except Broken:
            _log.warning("an answer broke off, and so did the caller's", extra={"fields": {"request_id": request_id}})
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.dec()

    def _path(self, scope: Scope) -> str:
        """Without the base path."""
        path: str = scope["path"]
        base = self._server.base_path
        if base and path.startswith(base + "/"):  # a proxy before this may have taken it away
            path = path[len(base) :]
        return path

    def _told(self, operation: Optional[Operation], status: int, seconds: float, request_id: str) -> None:
        name = operation.name if operation else "unknown"
        self._metrics.requests.labels(API, name, str(status)).inc()
        self._metrics.seconds.labels(API, name).observe(seconds)
        level = logging.WARNING if status >= 500 else logging.DEBUG if status < 400 else logging.INFO
        if _log.isEnabledFor(level):
            fields = {"api": API, "operation": name, "status": status, "milliseconds": round(1000 * seconds, 3)}
            _log.log(level, "answered", extra={"fields": {**fields, "request_id": request_id}})

    async def _answered(self, operation: Optional[Operation], request: Request, request_id: str, is_anthropic: bool) -> Response:
        headers = {"X-Request-Id": request_id}
        try:
            if operation is None:
                raise Refusal(404, "not_found", self._routes.why_none(request.url.path))
            if self._in_flight > self._server.max_concurrent_requests:
                raise Refusal(429, "gateway_busy", "the gateway is at its limit of requests", RETRY_SECONDS)
            response = await self._done(operation, request)
        except Refusal as refusal:
            return refusal.answer(is_anthropic, headers)
        except ClientDisconnect:
            raise
        except Exception:
            _log.exception("a request failed unexpectedly", extra={"fields": {"request_id": request_id}})
            return Refusal(500, "unexpected", "the gateway failed; its log has the request's id").answer(is_anthropic, headers)
        if "x-request-id" not in response.headers:
            response.headers["X-Request-Id"] = request_id
        return response

    async def _done(self, operation: Operation, request: Request) -> Response:
        caller = self._callers.of(request.headers, request.client.host if request.client else "")
        payload = await self._body(request)
        if operation.name == INVALIDATE:
            return await self._invalidated(caller, payload)
        provider = self._providers[operation.provider]
        query = request.scope.get("query_string", b"").decode("latin-1")
        ask = ask_of(operation, caller, request.headers, query, payload, self._settings)
        target = f"{operation.path}?{query}" if query else operation.path
        sent = provider.headers_for(caller, request.scope["headers"])
        lookup = await self._entries.lookup(ask) if ask.key is not None else Lookup(fault=ask.why_not)
        wanted = Wanted(ask, lookup, provider, request.method, target, sent)
        if lookup.hit is not None:
            served = self._served(ask, lookup.hit)
            if served is not None:
                if lookup.hit.fresh_seconds <= 0 and not ask.controls.no_store:
                    self._refresh(wanted)
                return served
            wanted = dataclasses.replace(wanted, lookup=await self._entries.placed(ask, lookup))
        if ask.controls.only_if_cached:
            raise Refusal(504, "not_cached", "the answer is not in the cache, and only-if-cached was asked for")
        return await self._from_provider(wanted)

    async def _body(self, request: Request) -> bytes:
        most = self._server.max_body_bytes
        try:
            return await read_body(request, most, self._server.body_timeout_seconds)
        except BodyTooLarge as error:
            raise Refusal(413, "body_too_large", f"the body must have at most {most} bytes (server.max_body_bytes)") from error
        except BodyTooSlow as error:
            raise Refusal(408, "body_too_slow", "the body did not arrive in time") from error

    async def _invalidated(self, caller: Caller, payload: bytes) -> Response:
        scope = caller.scope
        if not caller.has_token and self._settings.invalidate_without_token:
            scope = None
        elif scope is None:
            raise Refusal(401, "missing_token", "send the tenant's token, or set proxy.invalidate_without_token")
        asked = invalidation_of(payload)
        try:
            count = await self._entries.invalidate(scope, asked.dep_id, asked.new_hash)
        except FerrocacheError as error:
            _log.warning("an invalidation failed: %s", error)
            raise Refusal(503, "cache_unavailable", "the cache cannot be reached; invalidate again", RETRY_SECONDS) from error
        body = json.dumps({"ok": True, "dep_id": asked.dep_id, "keys_deleted": count}, ensure_ascii=False)
        return Response(body.encode("utf-8", "surrogatepass"), media_type="application/json")

    # --- from the cache ---

    def _served(self, ask: Ask, hit: Hit, failed_with: Optional[int] = None) -> Optional[Response]:
        """None if the entry cannot be read."""
        replay = replay_of(ask, hit.entry)
        if replay is None:
            _log.warning("an entry of the cache is no answer: %s", hit.entry.get("id"))
            return None
        headers = hit_headers(hit, failed_with)
        kind = kind_of(hit)
        stale_or_exact = outcomes.STALE if kind == HIT_STALE else outcomes.EXACT
        self._count(ask, stale_or_exact if hit.is_exact else outcomes.SEMANTIC)
        self._counted.saved(ask.caller.tenant, ask.model, replay.usage)
        if not hit.is_exact:
            self._counted.similarity(ask.caller.tenant, hit.similarity)
        return Response(replay.body, 200, headers, replay.media_type)

    def _refresh(self, wanted: Wanted) -> None:
        if len(self._refreshing) >= REFRESHES_MAX:
            return
        task = asyncio.create_task(self._refreshed(wanted))
        self._refreshing.add(task)
        task.add_done_callback(self._refreshing.discard)

    async def _refreshed(self, wanted: Wanted) -> None:
        lookup = await self._entries.placed(wanted.ask, wanted.lookup)
        if lookup.place is None:
            return
        flight, leader = self._flights.join(dataclasses.replace(wanted, lookup=lookup))
        if leader is not None:
            return  # somebody is at it
        reader = flight.join()
        try:
            await flight.until_end(reader)
        finally:
            flight.leave(reader)

    # --- from the provider ---

    async def _from_provider(self, wanted: Wanted) -> Response:
        alone = False
        for attempt in range(TAKEOVERS_MAX + 1):
            flight, leader = self._flights.join(wanted, alone or attempt == TAKEOVERS_MAX)
            reader = flight.join()
            try:
                response = await self._from_flight(wanted, flight, reader, leader)
            except BaseException:
                flight.leave(reader)
                raise
            if isinstance(response, Relayed):
                return response  # leaves by itself
            flight.leave(reader)
            if response is not None:
                return response
            # The answer was an error that need not be this caller's, or one that cannot be had in its form.
            alone = alone or flight.failure is None
            self._counted.takeover(wanted.ask.caller.tenant, wanted.ask.model)
        raise AssertionError("the last call is nobody else's")

    async def _from_flight(self, wanted: Wanted, flight: Flight, reader: Reader, leader: Optional[Ask]) -> Optional[Response]:
        """None: a call of another that was no use."""
        ask = wanted.ask
        if leader is not None and not ask.same_form(leader):
            await flight.until_end(reader)
            if flight.stored is None:
                return None if flight.failure is None or flight.failure.may_differ else self._failed(wanted, flight.failure)
            entry = {"response": flight.stored.response, "attributes": flight.stored.attributes}
            replay = replay_of(ask, entry)
            if replay is None:
                return None
            self._count(ask, outcomes.COALESCED)
            return Response(replay.body, 200, self._forwarded(wanted, flight, True).headers(), replay.media_type)
        await flight.until_head()
        if flight.head is None:
            ended = Failure(503, True, "gateway_ending", "the gateway is ending; ask again")
            failure = flight.failure or ended
            return None if leader is not None and failure.may_differ else self._failed(wanted, failure)
        forwarded = self._forwarded(wanted, flight, leader is not None)
        outcome = outcomes.MISS if forwarded.kind == MISS else outcomes.BYPASSED
        self._count(ask, outcome if leader is None else outcomes.COALESCED)
        return with_headers(Relayed(flight, reader), flight.head.headers, forwarded.headers())

    def _forwarded(self, wanted: Wanted, flight: Flight, collapsed: bool) -> Forwarded:
        ask, lookup = wanted.ask, wanted.lookup
        if lookup.fault:
            return Forwarded(BYPASS, "bypass", lookup.fault, collapsed)
        reason = "request" if ask.controls.no_cache else "stale" if lookup.last_resort else "miss"
        return Forwarded(MISS, reason, "", collapsed, flight.is_stored)

    def _failed(self, wanted: Wanted, failure: Failure) -> Response:
        resort = wanted.lookup.last_resort
        if resort is not None and failure.status >= 500:
            served = self._served(wanted.ask, resort, failure.status)
            if served is not None:
                return served
        self._count(wanted.ask, outcomes.BYPASSED if wanted.lookup.fault else outcomes.MISS)
        if failure.body is None:
            raise Refusal(failure.status, failure.code, failure.message, RETRY_SECONDS if failure.status == 503 else None)
        kind = BYPASS if wanted.lookup.fault else MISS
        forwarded = Forwarded(kind, "bypass" if wanted.lookup.fault else "miss", wanted.lookup.fault)
        return with_headers(Response(failure.body, failure.status), failure.headers, forwarded.headers())

    def _count_stored(self, ask: Ask) -> None:
        self._counted.stored(ask.caller.tenant, ask.model)

    def _count(self, ask: Ask, outcome: str) -> None:
        self._counted.outcome(ask.caller.tenant, ask.model, outcome)
