"""Who asks: whose answers a request may be served, and how often."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Mapping, Optional
from urllib.parse import quote

from ..._calls import Json
from .._parts import Rate
from ..limits import TokenBucket
from .config import CACHE, REFUSE, ProxySettings
from .problems import Refusal
from .tokens import BadToken, Tokens

TOKEN_HEADER = "x-cachecore-token"
# A scope of the node has 256 bytes; a longer tenant's is made of a digest, which no quoted name looks like.
SCOPE_PREFIX, NAME_CHARACTERS_MAX = "proxy.", 200
# Tenants and addresses whose rates are counted at once; the one that was quiet longest is forgotten.
COUNTED_MAX = 10_000
_LIVE_KEY = re.compile(r"cc_live_[^.\s]+\.(\S+)")
_BEARER = re.compile(r"[Bb]earer +(\S+) *")


@dataclass(frozen=True)
class Caller:
    """``scope``: of the node, None = nothing is looked up or stored. ``tenant``: for metrics. ``policy``: part of the key.
    ``key_is_token``: what it sent where a provider's key belongs is none."""

    tenant: str
    scope: Optional[str]
    policy: Json = field(default_factory=dict)
    has_token: bool = False
    key_is_token: bool = False


class Callers:
    """Belongs to the event loop."""

    def __init__(self, settings: ProxySettings) -> None:
        self._settings = settings
        self._tokens = Tokens(settings.tokens, settings.token_audience, settings.token_issuer)
        self._tenants, self._addresses = _Buckets(settings.tenant_rate), _Buckets(settings.address_rate)

    def of(self, headers: Mapping[str, str], address: str) -> Caller:
        """Raises Refusal: 401 for a token that is not good or not there, 429 beyond the rate."""
        caller = self._identified(headers)
        limited = self._tenants if caller.has_token else self._addresses
        wait = limited.wait_seconds(caller.tenant if caller.has_token else address)
        if wait:
            whose = "the tenant is" if caller.has_token else "requests without a token are"
            raise Refusal(429, "rate_limit_exceeded", f"{whose} at the limit of this gateway's rate", wait)
        return caller

    def _identified(self, headers: Mapping[str, str]) -> Caller:
        token, key_token = headers.get(TOKEN_HEADER, "").strip(), _live_token(headers)
        if token or key_token:
            try:
                claims = self._tokens.claims(token or key_token)
            except BadToken as error:
                raise Refusal(401, "invalid_token", f"{error}; get a new one, or send none") from error
            return Caller(claims.tenant, scope_of(claims.tenant), claims.policy, True, bool(key_token))
        if self._settings.without_token == REFUSE:
            ways = "as `X-Cachecore-Token`, or as `Authorization: Bearer cc_live_<id>.<jwt>`"
            raise Refusal(401, "missing_token", f"send a token {ways}")
        if self._settings.without_token == CACHE:
            # Whoever has no key that the provider takes gets no answer, and so can find none.
            secret = "\0".join(headers.get(name, "") for name in ("authorization", "x-api-key"))
            secret += "\0" + headers["api-key"] if "api-key" in headers else ""
            return Caller("", SCOPE_PREFIX + "@" + hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest())
        return Caller("", None)


def scope_of(tenant: str) -> str:
    """Different tenants never share one: white space at the ends, which the node would cut off, is quoted like the rest."""
    name = quote(tenant, safe="")
    if len(name) > NAME_CHARACTERS_MAX:
        name = "#" + hashlib.sha256(tenant.encode("utf-8", "surrogatepass")).hexdigest()
    return SCOPE_PREFIX + name


def _live_token(headers: Mapping[str, str]) -> str:
    """The JWT in a key of the form cc_live_<id>.<jwt>, empty if the key is none."""
    bearer = _BEARER.fullmatch(headers.get("authorization", ""))
    for key in (bearer[1] if bearer else "", headers.get("x-api-key", "").strip(), headers.get("api-key", "").strip()):
        live = _LIVE_KEY.fullmatch(key)
        if live:
            return live[1]
    return ""


class _Buckets:
    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def wait_seconds(self, name: str) -> float:
        if not self._rate.per_second:
            return 0.0
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = TokenBucket(self._rate)
            if len(self._buckets) > COUNTED_MAX:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        return bucket.wait_seconds()
