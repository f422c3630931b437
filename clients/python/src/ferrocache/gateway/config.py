"""The configuration of a gateway: one TOML file, read once. docs/clients/langcache.md and gateway.md list every key."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from .._endpoints import parse_endpoints
from ._parts import TTL_SECONDS_MAX, Embedding, Rate, embedding_of, rate_of, readable_file
from ._table import ConfigError, Table
from .proxy.config import ProxySettings, proxy_of
from .secrets import ApiKeys, api_keys, secret

COSINE, NORMALISED = "cosine", "normalised"
# A scope of the node has 256 bytes, of which a prefix takes ten.
ID_BYTES_MAX = 200
ATTRIBUTES_MAX = 64
ATTRIBUTE_CHARACTERS_MAX = 15_000
ATTRIBUTE_NAME = re.compile(r"[a-zA-Z0-9_-]{1,32}")


@dataclass(frozen=True)
class Server:
    host: str
    port: int
    base_path: str
    tls_cert_file: Optional[Path]
    tls_key_file: Optional[Path]
    tls_client_ca_file: Optional[Path]
    max_body_bytes: int
    max_concurrent_requests: int
    body_timeout_seconds: float
    drain_seconds: float
    shutdown_seconds: int
    embedding_threads: int
    log_level: str


@dataclass(frozen=True)
class Node:
    addresses: Tuple[str, ...]
    token: Optional[Callable[[], str]] = field(repr=False)  # None: FERROCACHE_AUTH_TOKEN, else none
    ca_file: Optional[str]
    cert_file: Optional[str]
    key_file: Optional[str]
    timeout_seconds: float


@dataclass(frozen=True)
class Cache:
    id: str
    embedding: Embedding
    threshold: float
    threshold_scale: str
    default_ttl_seconds: int  # 0 = entries stay
    attributes: Tuple[str, ...]
    attribute_max_characters: int
    keys: ApiKeys = field(repr=False)
    prompt_max_characters: int
    rate: Rate


@dataclass(frozen=True)
class Config:
    server: Server
    node: Node
    caches: Tuple[Cache, ...]
    proxy: Optional[ProxySettings] = None  # None: that door stays closed


def load(path: Path) -> Config:
    """Reads and checks the file and the secrets that it names. Raises ConfigError. Its paths begin at its own folder."""
    try:
        values = _parsed(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}") from error
    root, folder = Table(values, ""), path.resolve().parent
    server = _server(root.table("server"), folder)
    node = _node(root.table("node"), folder)
    caches = tuple(_cache(table, folder) for table in root.tables("caches"))
    table = root.table("proxy")
    proxy = proxy_of(table, folder) if "proxy" in values else None
    root.done()
    if not caches and proxy is None:
        raise ConfigError("opens no door: declare at least one [[caches]], or [proxy]")
    ids = [cache.id for cache in caches]
    for one in ids:
        if ids.count(one) > 1:
            raise ConfigError(f"caches: the id {one!r} is given twice")
    return Config(server, node, caches, proxy)


def _parsed(content: bytes) -> Dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:  # the extra brings it for older interpreters
        import tomli as tomllib
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise ConfigError(f"is not TOML: {error}") from error


def _server(table: Table, folder: Path) -> Server:
    listen = table.text("listen", "127.0.0.1:8080") or ""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise table.fault("listen", f"must look like 127.0.0.1:8080 or [::]:8080, not {listen!r}")
    base_path = table.text("base_path", "/") or ""
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*/?", base_path):
        raise table.fault("base_path", "must look like /langcache")
    made = Server(
        host=host.strip("[]"),
        port=int(port),
        base_path=base_path.rstrip("/"),
        tls_cert_file=readable_file(table, "tls_cert_file", folder),
        tls_key_file=readable_file(table, "tls_key_file", folder),
        tls_client_ca_file=readable_file(table, "tls_client_ca_file", folder),
        max_body_bytes=table.whole("max_body_bytes", 4 << 20, 1024, 64 << 20),
        max_concurrent_requests=table.whole("max_concurrent_requests", 256, 1, 100_000),
        body_timeout_seconds=table.number("body_timeout_seconds", 30, 0.05, 3600),
        drain_seconds=table.number("drain_seconds", 0, 0, 300),
        shutdown_seconds=table.whole("shutdown_seconds", 30, 1, 3600),
        embedding_threads=table.whole("embedding_threads", 16, 1, 256),
        log_level=table.choice("log_level", ("debug", "info", "warning", "error"), "info"),
    )
    table.done()
    if (made.tls_cert_file is None) != (made.tls_key_file is None):
        raise table.fault("tls_cert_file", "and tls_key_file belong together")
    if made.tls_client_ca_file is not None and made.tls_cert_file is None:
        raise table.fault("tls_client_ca_file", "needs tls_cert_file and tls_key_file")
    return made


def _node(table: Table, folder: Path) -> Node:
    addresses = table.texts("addresses") or ["http://localhost:3000"]
    try:
        parse_endpoints(addresses)
    except ValueError as error:
        raise table.fault("addresses", f"must be URLs like http://localhost:3000: {error}") from error
    token = secret(table, "token_file", "token_environment", folder)
    files = [readable_file(table, key, folder) for key in ("ca_file", "cert_file", "key_file")]
    ca_file, cert_file, key_file = (None if path is None else str(path) for path in files)
    timeout = table.number("timeout_seconds", 5, 0.1, 300)
    table.done()
    if (cert_file is None) != (key_file is None):
        raise table.fault("cert_file", "and key_file belong together")
    return Node(tuple(addresses), token, ca_file, cert_file, key_file, timeout)


def _attributes(table: Table) -> Tuple[str, ...]:
    names: List[str] = table.texts("attributes")
    for name in names:
        if not ATTRIBUTE_NAME.fullmatch(name):
            raise table.fault("attributes", f"holds {name!r}; names are 1 to 32 of A-Z a-z 0-9 _ -")
    if len(set(names)) != len(names) or len(names) > ATTRIBUTES_MAX:
        raise table.fault("attributes", f"must be at most {ATTRIBUTES_MAX} names, each of them once")
    return tuple(names)


def _cache(table: Table, folder: Path) -> Cache:
    name = table.text("id")
    if name is None or len(name.encode("utf-8")) > ID_BYTES_MAX:
        raise table.fault("id", f"must be given, at most {ID_BYTES_MAX} bytes")
    keys = table.tables("api_keys")
    made = Cache(
        id=name,
        embedding=embedding_of(table.table("embedding"), folder),
        threshold=table.number("threshold", 0.85, 0, 1),
        threshold_scale=table.choice("threshold_scale", (COSINE, NORMALISED), COSINE),
        default_ttl_seconds=table.whole("default_ttl_seconds", 0, 0, TTL_SECONDS_MAX),
        attributes=_attributes(table),
        attribute_max_characters=table.whole("attribute_max_characters", 500, 1, ATTRIBUTE_CHARACTERS_MAX),
        keys=api_keys(keys, table.where("api_keys"), folder),
        prompt_max_characters=table.whole("prompt_max_characters", 32_768, 1, 10_000_000),
        rate=rate_of(table, "", 0),
    )
    table.done()
    return made
