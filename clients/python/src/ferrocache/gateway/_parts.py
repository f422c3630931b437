"""Pieces of the configuration that several tables have: readable files, an embedder, a rate."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from .._endpoints import parse_endpoints
from ._table import Table
from .secrets import secret

PROVIDERS = ("sentence-transformers", "local", "openai", "voyage", "cohere", "ollama")
REMOTE_PROVIDERS = PROVIDERS[2:]
# The node's own limit of ttl_seconds: ten years.
TTL_SECONDS_MAX = 315_360_000


@dataclass(frozen=True)
class Embedding:
    """Equal settings share one embedder; ``api_key`` takes part in that."""

    provider: str
    model: Optional[str]
    url: Optional[str]
    api_key: Optional[str] = field(repr=False)
    timeout_seconds: float
    remembered_prompts: int


@dataclass(frozen=True)
class Rate:
    """``per_second`` on the long run, 0 = no limit; ``burst`` at once."""

    per_second: float
    burst: int


def rate_of(table: Table, prefix: str, usual: float) -> Rate:
    """The keys of that prefix. Without a burst, what two seconds allow."""
    per_second = table.number(f"{prefix}requests_per_second", usual, 0, 1_000_000)
    burst = table.whole(f"{prefix}burst", 0, 1, 10_000_000)
    if burst and not per_second:
        raise table.fault(f"{prefix}burst", f"needs {prefix}requests_per_second")
    return Rate(per_second, burst or max(1, int(2 * per_second)))


def readable_file(table: Table, key: str, folder: Path) -> Optional[Path]:
    name = table.text(key)
    if name is None:
        return None
    path = folder / name
    try:
        with open(path, "rb"):
            return path
    except OSError as error:
        raise table.fault(key, f"names {path}, which cannot be read: {error.strerror}") from error


def embedding_of(table: Table, folder: Path) -> Embedding:
    provider = table.choice("provider", PROVIDERS, PROVIDERS[0])
    model, url = table.text("model"), table.text("url")
    key = secret(table, "api_key_file", "api_key_environment", folder)
    made = Embedding(
        provider=provider,
        model=model,
        url=url,
        api_key=None if key is None else key(),
        timeout_seconds=table.number("timeout_seconds", 10, 0.1, 300),
        remembered_prompts=table.whole("remembered_prompts", 1024, 0, 1_000_000),
    )
    table.done()
    if provider not in REMOTE_PROVIDERS and (url or key):
        raise table.fault(
            "url" if url else "api_key_file", f"means nothing with the provider {provider}, which runs in this process"
        )
    if url is not None:
        try:
            parse_endpoints(url)
        except ValueError as error:
            raise table.fault("url", f"must look like http://host:8000/v1: {error}") from error
    return made
