"""The table [proxy] of a gateway's configuration. docs/clients/gateway.md lists every key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional, Tuple

from ..._endpoints import parse_endpoints
from .._parts import Embedding, Rate, embedding_of, rate_of, readable_file
from .._table import Table
from ..secrets import secret
from .tokens import TokenKey, token_key

REFUSE, BYPASS, CACHE = "refuse", "bypass", "cache"
# The node's own limit of ttl_seconds is ten years; two windows share it.
FRESH_SECONDS_MAX = 100_000_000
PRICES_MAX = 1000
_URL_PATH = re.compile(r"https?://[^/?#]+(/[^?#]*)?")


@dataclass(frozen=True)
class Upstream:
    """A provider. Without ``api_key`` callers send their own."""

    url: str  # without a slash at its end
    api_key: Optional[Callable[[], str]] = field(repr=False)
    api_key_without_token: bool
    ca_file: Optional[Path]
    connect_timeout_seconds: float
    timeout_seconds: float


@dataclass(frozen=True)
class Price:
    """Of a million tokens, in any currency."""

    model: str
    input: float
    output: float


@dataclass(frozen=True)
class ProxySettings:
    openai: Upstream
    anthropic: Upstream
    azure: Optional[Upstream]  # None: its paths are none of this door's
    embedding: Embedding
    threshold: float
    numbers_exact: bool
    fresh_seconds: int
    max_fresh_seconds: int
    stale_seconds: int
    stale_if_error_seconds: int
    cache_timeout_seconds: float
    max_answer_bytes: int
    tool_calls: bool
    tokens: Tuple[TokenKey, ...] = field(repr=False)
    token_audience: Optional[str]
    token_issuer: Optional[str]
    without_token: str
    invalidate_without_token: bool
    tenant_rate: Rate
    address_rate: Rate
    prices: Tuple[Price, ...]

    @property
    def life_seconds_max(self) -> int:
        """The longest that an entry can be in the node."""
        return self.max_fresh_seconds + max(self.stale_seconds, self.stale_if_error_seconds)


def proxy_of(table: Table, folder: Path) -> ProxySettings:
    tokens = tuple(token_key(one, folder) for one in table.tables("tokens"))
    fresh = table.whole("fresh_seconds", 3000, 0, FRESH_SECONDS_MAX)
    made = ProxySettings(
        openai=_upstream(table.table("openai"), "https://api.openai.com/v1", folder),
        anthropic=_upstream(table.table("anthropic"), "https://api.anthropic.com/v1", folder),
        azure=_azure(table.table("azure"), folder),
        embedding=embedding_of(table.table("embedding"), folder),
        threshold=table.number("threshold", 0.92, 0, 1),
        numbers_exact=table.flag("numbers_exact", True),
        fresh_seconds=fresh,
        max_fresh_seconds=table.whole("max_fresh_seconds", max(fresh, 604_800), 1, FRESH_SECONDS_MAX),
        stale_seconds=table.whole("stale_seconds", 600, 0, FRESH_SECONDS_MAX),
        stale_if_error_seconds=table.whole("stale_if_error_seconds", 0, 0, FRESH_SECONDS_MAX),
        cache_timeout_seconds=table.number("cache_timeout_seconds", 1, 0.01, 300),
        max_answer_bytes=table.whole("max_answer_bytes", 4 << 20, 1024, 1 << 30),
        tool_calls=table.flag("tool_calls", False),
        tokens=tokens,
        token_audience=table.text("token_audience"),
        token_issuer=table.text("token_issuer"),
        without_token=table.choice("without_token", (REFUSE, BYPASS, CACHE), BYPASS if tokens else CACHE),
        invalidate_without_token=table.flag("invalidate_without_token", False),
        tenant_rate=rate_of(table, "", 0),
        address_rate=rate_of(table, "without_token_", 10),
        prices=_prices(table),
    )
    table.done()
    if made.max_fresh_seconds < made.fresh_seconds:
        raise table.fault("max_fresh_seconds", "must not be less than fresh_seconds")
    if not made.tokens and (made.token_audience or made.token_issuer):
        raise table.fault("token_audience" if made.token_audience else "token_issuer", "needs tokens")
    if not made.tokens and made.without_token == REFUSE:
        raise table.fault("without_token", "is refuse, and there are no tokens: nobody could use this door")
    for name, upstream in (("openai", made.openai), ("anthropic", made.anthropic), ("azure", made.azure)):
        if upstream is not None and upstream.api_key is not None and not made.tokens and not upstream.api_key_without_token:
            raise table.fault(name, "has an API key that nobody could use: add tokens, or set api_key_without_token")
    return made


def _azure(table: Table, folder: Path) -> Optional[Upstream]:
    """Every customer of Azure has an address of its own, so that there is no default."""
    example = "https://my-resource.openai.azure.com"
    if table.is_empty:
        return None
    if not table.has("url"):
        raise table.fault("url", f"must be given, like {example}")
    return _upstream(table, example, folder)


def _upstream(table: Table, usual: str, folder: Path) -> Upstream:
    url = table.text("url", usual) or usual
    try:
        parse_endpoints(url)
        if "," in url or not _URL_PATH.fullmatch(url):
            raise ValueError("one address, without ? and #")
    except ValueError as error:
        raise table.fault("url", f"must look like {usual}: {error}") from error
    made = Upstream(
        url=url.rstrip("/"),
        api_key=secret(table, "api_key_file", "api_key_environment", folder),
        api_key_without_token=table.flag("api_key_without_token", False),
        ca_file=readable_file(table, "ca_file", folder),
        connect_timeout_seconds=table.number("connect_timeout_seconds", 5, 0.1, 300),
        timeout_seconds=table.number("timeout_seconds", 600, 0.1, 86_400),
    )
    table.done()
    if made.api_key_without_token and made.api_key is None:
        raise table.fault("api_key_without_token", "needs api_key_file or api_key_environment")
    return made


def _prices(table: Table) -> Tuple[Price, ...]:
    made = []
    for one in table.tables("prices"):
        model = one.text("model")
        if model is None:
            raise one.fault("model", "must be given")
        made.append(Price(model, one.number("input", 0, 0, 1e9), one.number("output", 0, 0, 1e9)))
        one.done()
    if len(made) > PRICES_MAX or len({price.model for price in made}) != len(made):
        raise table.fault("prices", f"must name at most {PRICES_MAX} models, each of them once")
    return tuple(made)
