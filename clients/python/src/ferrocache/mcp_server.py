"""An MCP server over standard input and output: agents look answers up and store them.

    python -m ferrocache.mcp_server

FERROCACHE_URL, FERROCACHE_THRESHOLD, FERROCACHE_AUTH_TOKEN and FERROCACHE_EMBED_MODEL set it up.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import signal
import sys
import threading
from typing import Any, Awaitable, Callable, Dict, List, Optional, Tuple

from ._key import digest_of, model_id_with
from ._meaning import split_turn
from ._settings import threshold_from_environment, url_from_environment
from ._version import __version__
from .client import FerrocacheClient
from .embeddings import Embedder, embedder

__all__ = ["build_server", "main"]

NAME = "ferrocache"
INSTRUCTIONS = (
    "A semantic cache of answers. Before working out an answer, call semantic_cache_lookup with the question; if nothing "
    "is found, work it out and call semantic_cache_store with question and answer."
)
ABOUT = "An MCP server over standard input and output: an agent's tools to look answers up in FerroCache and to store them."
SETTINGS = "FERROCACHE_URL, FERROCACHE_THRESHOLD, FERROCACHE_AUTH_TOKEN and FERROCACHE_EMBED_MODEL of the environment set it up."
# An agent waits for a tool; a cache that takes longer than this is no help to it.
TIMEOUT_SECONDS = 10.0


class CacheTools:
    """What the tools do. Blocking; any thread may call. The embedder is made at the first call, once."""

    def __init__(self) -> None:
        self.url, self.threshold = url_from_environment(), threshold_from_environment()
        self._client = FerrocacheClient(self.url, TIMEOUT_SECONDS)
        self._lock = threading.Lock()
        self._embedder: Optional[Embedder] = None

    def embedder(self) -> Embedder:
        with self._lock:
            if self._embedder is None:
                self._embedder = embedder()
            return self._embedder

    def lookup(
        self, query_text: str, threshold: Optional[float], cache_scope: Optional[str], conversation_id: Optional[str]
    ) -> Dict[str, Any]:
        wanted = self.threshold if threshold is None else threshold
        embedding, text, model_id = self._place(query_text)
        return self._client.query(embedding, wanted, model_id, text, cache_scope, conversation_id)

    def store(self, query_text: str, response: str, cache_scope: Optional[str], conversation_id: Optional[str]) -> Dict[str, Any]:
        if not response.strip():  # would be served as the answer from then on
            raise ValueError("response must not be empty")
        embedding, text, model_id = self._place(query_text)
        return self._client.insert(embedding, response, text, model_id, None, cache_scope, conversation_id)

    def status(self) -> Dict[str, Any]:
        health, stats = self._client.health(), self._client.stats()
        stats.pop("namespaces", None)  # there may be thousands
        model = self.embedder().name
        return {"status": health.get("status"), "url": self.url, "threshold": self.threshold, "embed_model": model,
                "health": health, "stats": stats}  # fmt: skip

    def _place(self, query_text: str) -> Tuple[List[float], str, str]:
        """(embedding, text to match, model_id). A question is kept under its model's name, where other programs find it, too;
        one with material beside it under a name of that material."""
        if not query_text.strip():
            raise ValueError("query_text must not be empty")
        turn = split_turn(query_text)
        question = turn.question if turn.question is not None else ""
        made = self.embedder()
        embedding = made.embed(question, TIMEOUT_SECONDS) if question else [1.0]
        base = f"{made.name}::{len(embedding)}" if question else made.name
        if turn.material:
            digest = digest_of({"api": "mcp", "material": turn.material})
            return embedding, question, model_id_with(base, digest, len(embedding) if question else None)
        return embedding, question, base


def build_server(tools: Optional[CacheTools] = None) -> Any:
    """The server on the official SDK, of its first or second generation."""
    try:
        from mcp.server.mcpserver import MCPServer

        server: Any = MCPServer(NAME, instructions=INSTRUCTIONS, version=__version__)
    except ImportError:
        try:
            from mcp.server.fastmcp import FastMCP  # type: ignore[attr-defined, unused-ignore]
        except ImportError as error:
            raise ImportError("the MCP server needs the SDK mcp: pip install 'ferrocache[mcp]'") from error
        server = FastMCP(NAME, instructions=INSTRUCTIONS)
    made = CacheTools() if tools is None else tools

    async def semantic_cache_lookup(
        query_text: str,
        threshold: Optional[float] = None,
        cache_scope: Optional[str] = None,
        conversation_id: Optional[str] = None,
    ) -> Dict[str, Any]:
        """Look up an answer to a question by meaning.

        Returns {"hit": true, "response": ..., "similarity": ...} or {"hit": false}. threshold is the least similarity from 0
        to 1; cache_scope names a tenant, conversation_id a conversation.
        """
        return await _told(functools.partial(made.lookup, query_text, threshold, cache_scope, conversation_id))

    async def semantic_cache_store(
        query_text: str, response: str, cache_scope: Optional[str] = None, conversation_id: Optional[str] = None
    ) -> Dict[str, Any]:
        """Store an answer to a question, for whoever asks the same later. Returns {"id": ..., "status": "ok"}."""
        return await _told(functools.partial(made.store, query_text, response, cache_scope, conversation_id))

    async def cache_status() -> Dict[str, Any]:
        """Whether the cache works, how many entries it holds and how often it was asked and hit."""
        return await _told(made.status)

    for function in (semantic_cache_lookup, semantic_cache_store, cache_status):
        server.tool()(function)
    return server


async def _told(call: Callable[[], Dict[str, Any]]) -> Dict[str, Any]:
    """The result, or the failure as a result: an agent goes on without the cache."""
    running: Awaitable[Dict[str, Any]] = asyncio.to_thread(call)
    try:
        return await running
    except Exception as error:
        return {"error": str(error) or type(error).__name__}


def main() -> None:
    parser = argparse.ArgumentParser("ferrocache-mcp", description=ABOUT, epilog=SETTINGS)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.parse_args()
    try:
        server = build_server()
    except (ImportError, ValueError) as error:  # an extra that is not installed, a setting that is wrong
        sys.exit(f"ferrocache-mcp: {error}")
    if sys.stdin.isatty():
        sys.stderr.write("ferrocache-mcp: waits for an MCP client on standard input, which is a terminal here; Ctrl-C ends it\n")
    # The SDK would first wait for one more line of standard input. Nothing here needs more of an end than SIGTERM's.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    server.run("stdio")


if __name__ == "__main__":
    main()
