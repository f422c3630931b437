"""The client for programs without an event loop. Standard library only."""

from __future__ import annotations

import ssl
import time
from types import TracebackType
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Type, Union

from . import _calls
from ._attempts import Attempts, NotAnswered, NotSent, unanswered
from ._calls import Call, Embedding, Json
from ._endpoints import Endpoints, parse_endpoints
from ._settings import DEFAULT_RETRIES, DEFAULT_TIMEOUT_SECONDS, Headers, Token, tls_of
from ._transport import Transport
from .errors import FerrocacheError

__all__ = ["FerrocacheClient", "FerrocacheError"]


class FerrocacheClient:
    """Speaks to one FerroCache cluster. Share one between threads; it survives fork, and can be copied and pickled.

    base_url: one URL, or several (a list, or separated by commas) of nodes of one cluster; a node that fails is left for the
        next. ``timeout`` is for a whole call in seconds, repetitions included; None = no end.
    auth_token: a bearer token, or a function that returns one; None = FERROCACHE_AUTH_TOKEN; "" = none, even then.
    retries: how often a call is sent again if that can do no harm (see docs). 0 = never.
    ca_file, cert_file, key_file: PEM files for https: authorities to trust, and a certificate of one's own to show. Or a
        whole ``ssl_context``.

    Every method raises FerrocacheError for an answer other than 2xx and for every fault of the connection.
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
        endpoints = parse_endpoints(base_url)
        self.base_url = endpoints[0].url
        self.timeout = timeout
        self._retries = retries
        self._headers = Headers(auth_token)
        self._endpoints = Endpoints(endpoints, time.monotonic)
        is_https = any(endpoint.scheme == "https" for endpoint in endpoints)
        self._transport = Transport(tls_of(is_https, ca_file, cert_file, key_file, ssl_context))

    def close(self) -> None:
        """Closes idle connections. A later call opens new ones."""
        self._transport.close()

    def __enter__(self) -> FerrocacheClient:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    # --- entries ---

    def insert(
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
        """Stores an entry; returns ``{"id": ..., "status": "ok"}`` when it is durable and visible.

        With an ``id`` of your own the entry of that id is replaced, and the call is repeated if its answer is lost.
        """
        body = _calls.insert_body(
            embedding, response, query_text, model_id, ttl_seconds, cache_scope, conversation_id,
            id, tags, attributes, cost,
        )  # fmt: skip
        return self._json(_calls.insert(body, local))

    def query(
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
        """``{"hit": True, "id", "response", "similarity", "exact_match", ...}`` or ``{"hit": False}``.

        ``threshold`` is a cosine; None leaves it to the server. ValueError without ``model_id``.
        """
        body = _calls.query_body(embedding, threshold, model_id, query_text, cache_scope, conversation_id, attributes, top_k)
        return self._json(_calls.query(body, local, repair))

    def insert_batch(self, items: Iterable[Mapping[str, Any]], *, local: Optional[bool] = None) -> List[Json]:
        """Many inserts in one request, each item a dict of insert's arguments; results in the same order.

        An item that was refused has ``{"error": ..., "status": ...}`` for its result. At most 1,000 items, unless the server
        is set otherwise.
        """
        return _calls.results(self._json(_calls.insert_batch(items, local)))

    def query_batch(
        self, items: Iterable[Mapping[str, Any]], *, local: Optional[bool] = None, repair: Optional[bool] = None
    ) -> List[Json]:
        """Many queries in one request, each item a dict of query's arguments; results in the same order.

        An item without ``threshold`` gets the server's default.
        """
        return _calls.results(self._json(_calls.query_batch(items, local, repair)))

    def get_entry(
        self,
        uuid: str,
        *,
        model_id: Optional[str] = None,
        cache_scope: Optional[str] = None,
        conversation_id: Optional[str] = None,
        vector: bool = False,
        local: Optional[bool] = None,
    ) -> Json:
        """The entry of that id (the newest, if several namespaces have one), with ``vector`` also its embedding."""
        return self._json(_calls.get_entry(uuid, model_id, cache_scope, conversation_id, vector, local))

    def internal_entry(self, uuid: str) -> Json:
        """The full record as the asked node holds it."""
        return self._json(_calls.internal_entry(uuid))

    def delete_entry(
        self,
        uuid: str,
        *,
        model_id: Optional[str] = None,
        cache_scope: Optional[str] = None,
        conversation_id: Optional[str] = None,
        local: Optional[bool] = None,
    ) -> Json:
        """Deletes every entry of that id, or the one of the namespace named. Idempotent.

        Returns ``{"status": "deleted", "deleted": True}``; ``"deleted": False`` if there was none. ValueError for an empty id.
        """
        try:
            return self._json(_calls.delete_entry(uuid, model_id, cache_scope, conversation_id, local))
        except FerrocacheError as error:
            if _calls.already_deleted(error):
                return dict(_calls.NOT_THERE)
            raise

    # --- many entries at once ---

    def invalidate(
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
        """Deletes every entry of one namespace that is at least that similar: ``{"deleted_count", "uuids", ...}``."""
        return self._json(_calls.invalidate(embedding, threshold, model_id, cache_scope, conversation_id, dry_run, local))

    def invalidate_matching(
        self,
        *,
        tags: Optional[Iterable[str]] = None,
        attributes: Optional[Mapping[str, str]] = None,
        cache_scope: Optional[str] = None,
        dry_run: bool = False,
        local: Optional[bool] = None,
    ) -> Json:
        """Deletes by tag (any of them), attribute (all of them) or scope; several together narrow down."""
        return self._json(_calls.invalidate_matching(tags, attributes, cache_scope, dry_run, local))

    def namespaces(self, prefix: Optional[str] = None, limit: Optional[int] = None, after: Optional[str] = None) -> Json:
        """One page of namespaces: ``{"namespaces": [...], "next": ...}``."""
        return self._json(_calls.namespaces(prefix, limit, after))

    def iter_namespaces(self, prefix: Optional[str] = None, page_size: int = 1000) -> Iterator[Json]:
        """All namespaces, page after page."""
        after: Optional[str] = None
        while True:
            page = self.namespaces(prefix, page_size, after)
            yield from page["namespaces"]
            after = page.get("next")
            if not after:
                return

    def drop_namespace(
        self,
        name: Optional[str] = None,
        *,
        model_id: Optional[str] = None,
        cache_scope: Optional[str] = None,
        conversation_id: Optional[str] = None,
    ) -> Json:
        """Deletes a whole namespace, given by its printed name or by its parts."""
        return self._json(_calls.drop_namespace(name, model_id, cache_scope, conversation_id))

    # --- the server ---

    def health(self) -> Json:
        """``{"status": "ok", "node_id": ..., "entry_count": N}``; needs no token."""
        return self._json(_calls.HEALTH)

    def ready(self) -> bool:
        """Whether the node has recovered and takes traffic."""
        return bool(self.readiness().get("status") == "ready")

    def readiness(self) -> Json:
        """``{"status": "ready"}``, or ``{"status": "not_ready", "reason": ...}``."""
        status, headers, body = self._exchange(_calls.READY)
        if not _calls.is_success(status) and status != 503:
            raise _calls.refused(_calls.READY, status, headers, body)
        return _calls.understood(_calls.READY, status, body)

    def stats(self) -> Json:
        """Counters and figures of each namespace."""
        return self._json(_calls.STATS)

    def cluster_status(self) -> Json:
        """Members, their health, and the state of the asked node."""
        return self._json(_calls.CLUSTER_STATUS)

    def entry_stats(self) -> Json:
        """The ten entries read most of each namespace."""
        return self._json(_calls.ENTRY_STATS)

    def compact(self) -> Json:
        """Writes a snapshot now and drops the log behind it."""
        return self._json(_calls.COMPACT)

    def drain(self) -> Json:
        """Begins to empty the asked node before it leaves its cluster; asked again, tells how far it is."""
        return self._json(_calls.DRAIN)

    def cancel_drain(self) -> Json:
        """The node stays after all."""
        return self._json(_calls.CANCEL_DRAIN)

    def metrics(self) -> str:
        """The Prometheus exposition of the asked node."""
        return self._successful(_calls.METRICS)[1].decode("utf-8")

    def openapi(self) -> Json:
        """The HTTP API as an OpenAPI 3.1 document."""
        return self._json(_calls.OPENAPI)

    # --- sending ---

    def _json(self, call: Call) -> Json:
        status, body = self._successful(call)
        return _calls.understood(call, status, body)

    def _successful(self, call: Call) -> Tuple[int, bytes]:
        status, headers, body = self._exchange(call)
        if not _calls.is_success(status):
            raise _calls.refused(call, status, headers, body)
        return status, body

    def _exchange(self, call: Call) -> Tuple[int, Mapping[str, str], bytes]:
        """The last answer, whatever its status, after the repetitions that the call allows."""
        payload = call.encoded()
        headers: Dict[str, bytes] = self._headers(payload is not None)
        attempts = Attempts(self._endpoints, call.safe, self._retries, self.timeout, time.monotonic)
        while True:
            attempt = attempts.next()
            answer = None
            failure: Exception
            try:
                answer = self._transport.exchange(
                    attempt.endpoint, call.method, call.path, headers, payload,
                    attempt.connect_deadline, attempt.deadline,
                )  # fmt: skip
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
                time.sleep(wait)
