"""The whole of a gateway: what its parts are made of, the probes, and the doors beside each other."""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import AsyncIterator, Dict, List, Optional, Set, Tuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from ..async_client import AsyncFerrocacheClient
from ..errors import FerrocacheError
from ._parts import Embedding
from ._table import ConfigError
from .config import Config, Node
from .embedding import EmbeddingService, build
from .langcache import LangCacheApi
from .langcache.api import Served
from .metrics import CONTENT_TYPE_LATEST, Metrics
from .proxy.api import ProxyApi
from .store import CacheStore

# Probes come often and from several sides: for how long what the node said is believed, and waited for.
NODE_FRESH_SECONDS, NODE_WAIT_SECONDS = 1.0, 2.0
# Less than the second that Kubernetes gives a probe.
DEGRADED_WAIT_SECONDS = 0.5


def _client(node: Node) -> AsyncFerrocacheClient:
    try:
        return AsyncFerrocacheClient(
            list(node.addresses), node.timeout_seconds, node.token,
            ca_file=node.ca_file, cert_file=node.cert_file, key_file=node.key_file,
        )  # fmt: skip
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigError(f"node.ca_file, cert_file or key_file cannot be used: {error}") from error


class Gateway:
    """Owns the node's client, the embedders and their threads, until ``stop``. Belongs to the event loop."""

    def __init__(self, config: Config) -> None:
        self.config, self.metrics = config, Metrics()
        self.draining = False
        self.node = _client(config.node)
        # Each embedder has its own: one that hangs holds up nobody else.
        self._threads: List[ThreadPoolExecutor] = []
        self._embeddings: Dict[Embedding, EmbeddingService] = {}
        proxied = [config.proxy.embedding] if config.proxy else []
        for settings in [cache.embedding for cache in config.caches] + proxied:
            if settings not in self._embeddings:
                self._threads.append(ThreadPoolExecutor(config.server.embedding_threads, "embedding"))
                self._embeddings[settings] = EmbeddingService(settings, build(settings), self._threads[-1], self.metrics)
        self._node_said: Tuple[float, Optional[str]] = (-NODE_FRESH_SECONDS, None)
        self._asking_node = asyncio.Lock()
        self._warm_up: Set[asyncio.Task[Optional[str]]] = set()

        self._proxy: Optional[ProxyApi] = None

    def application(self) -> Starlette:
        routes = [
            Route("/livez", self._livez),
            Route("/readyz", self._readyz),
            Route("/metrics", self._metrics),
            Mount("/", self._doors()),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan)

    def _doors(self) -> ASGIApp:
        config, langcache = self.config, LangCacheApi(self._served(), self.config.server, self.metrics)
        if config.proxy is None:
            return langcache
        self._proxy = ProxyApi(
            config.proxy,
            config.server,
            self.node,
            self._embeddings[config.proxy.embedding],
            self.metrics,
            langcache if config.caches else None,
        )
        return self._proxy

    def _served(self) -> List[Served]:
        made = []
        for cache in self.config.caches:
            store = CacheStore(cache.id, cache.threshold_scale, self.node, self._embeddings[cache.embedding], self.metrics)
            made.append(Served(cache, store))
        return made

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        for service in self._embeddings.values():  # a model is loaded, and its dimension known, before the first request wants it
            self._warm_up.add(asyncio.create_task(service.fault()))
        yield
        for task in self._warm_up:
            task.cancel()
        await asyncio.gather(*self._warm_up, return_exceptions=True)
        await self.stop()

    async def stop(self) -> None:
        if self._proxy is not None:
            await self._proxy.stop()
        for threads in self._threads:
            threads.shutdown(wait=False, cancel_futures=True)
        for service in self._embeddings.values():
            service.close()
        await self.node.aclose()

    def models(self) -> List[str]:
        """The name of the embedding model of each cache, in their order, and of the proxy, if there is one."""
        settings = [cache.embedding for cache in self.config.caches]
        return [self._embeddings[one].name for one in settings + ([self.config.proxy.embedding] if self.config.proxy else [])]

    async def _livez(self, _: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def _readyz(self, _: Request) -> Response:
        if self.config.proxy is not None and not self.draining:
            return await self._proxy_readyz()
        reason = "draining" if self.draining else await self._fault()
        if reason is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready", "reason": reason}, 503)

    async def _proxy_readyz(self) -> Response:
        """Without its cache a proxy still serves its callers, and has to stay in the balancer. Only the first try of the embedder,
        which may have a model to load, is waited for."""
        if not all(task.done() for task in self._warm_up):
            return JSONResponse({"status": "not ready", "reason": "the embedder is being started"}, 503)
        try:
            reason = await asyncio.wait_for(self._fault(), DEGRADED_WAIT_SECONDS)
        except asyncio.TimeoutError:
            reason = "the node or the embedder does not answer in time"
        return JSONResponse({"status": "ready"} if reason is None else {"status": "ready", "degraded": reason})

    async def _fault(self) -> Optional[str]:
        reason = await self._node_fault()
        for service in self._embeddings.values():
            if reason is None:
                reason = await service.fault()
        return reason

    async def _node_fault(self) -> Optional[str]:
        """None if the node answers and takes the token, else why not."""
        async with self._asking_node:
            at, said = self._node_said
            if time.monotonic() - at >= NODE_FRESH_SECONDS:
                said = await self._ask_node()
                self._node_said = time.monotonic(), said
            return said

    async def _ask_node(self) -> Optional[str]:
        try:
            # Needs the role that deleting and flushing need, and costs the node nothing.
            await asyncio.wait_for(self.node.namespaces(limit=1), NODE_WAIT_SECONDS)
        except asyncio.TimeoutError:
            return "the cache node does not answer in time"
        except FerrocacheError as error:
            if error.status in (401, 403):
                return f"the cache node refused the gateway's token (HTTP {error.status}); it needs the role admin"
            return (
                "the cache node cannot be reached" if error.status is None else f"the cache node is not ready (HTTP {error.status})"
            )
        return None

    async def _metrics(self, _: Request) -> Response:
        return PlainTextResponse(self.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
