"""The providers: where a request goes, with whose key, and which headers travel on."""

from __future__ import annotations

import contextlib
import ssl
from typing import AsyncIterator, List, Optional, Sequence, Tuple

import httpx

from .._table import ConfigError
from .callers import TOKEN_HEADER, Caller
from .config import Upstream
from .deps import HEADER as DEPS_HEADER
from .flight import Failure
from .problems import Refusal

Headers = Tuple[Tuple[bytes, bytes], ...]
# Of one connection, not of the message (RFC 9110, 7.6.1), and what is made anew on the way.
_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip
_NOT_SENT = _HOP | {"host", "content-length", "accept-encoding", "expect", "cache-control", TOKEN_HEADER, DEPS_HEADER}
_NOT_RETURNED = _HOP | {"content-length", "content-encoding", "date", "server", "age", "cache-status"}
_KEYS = ("authorization", "x-api-key", "api-key")
# The header of each provider's key, and what comes before the key.
_OWN_KEY = {"openai": (b"authorization", b"Bearer "), "anthropic": (b"x-api-key", b""), "azure": (b"api-key", b"")}
# Of an answer that is an error: more is cut off, a message of a person's length is not.
ERROR_BYTES_MAX = 1 << 20
WRITE_SECONDS = 60.0


class Provider:
    """One provider and the connections to it. Belongs to the event loop until ``aclose``."""

    def __init__(self, name: str, settings: Upstream, connections_max: int) -> None:
        self.name = name
        self._settings = settings
        self._client: Optional[httpx.AsyncClient] = None
        self._connections_max = connections_max
        if settings.ca_file is not None:
            self._verify()  # what is wrong with it is told at the start

    def _verify(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._settings.ca_file)
        except (OSError, ValueError) as error:
            raise ConfigError(f"proxy.{self.name}.ca_file cannot be used: {error}") from error

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            settings = self._settings
            limits = httpx.Limits(max_connections=self._connections_max, max_keepalive_connections=self._connections_max)
            connect = settings.connect_timeout_seconds
            timeout = httpx.Timeout(settings.timeout_seconds, connect=connect, pool=connect, write=WRITE_SECONDS)
            # Without https no context is made: loading the authorities takes its time.
            verify = self._verify() if settings.ca_file is not None else settings.url.startswith("https://")
            self._client = httpx.AsyncClient(limits=limits, timeout=timeout, verify=verify)
        return self._client

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def headers_for(self, caller: Caller, given: Sequence[Tuple[bytes, bytes]]) -> List[Tuple[bytes, bytes]]:
        """The caller's, with the key that is to be used. Raises Refusal if there is none."""
        connection = ",".join(value.decode("latin-1") for name, value in given if name == b"connection")
        dropped = _NOT_SENT | {part.strip().lower() for part in connection.split(",")}
        sent = [(name, value) for name, value in given if name.decode("latin-1").lower() not in dropped]
        sent.append((b"accept-encoding", b"identity"))
        settings = self._settings
        if settings.api_key is not None and (caller.has_token or settings.api_key_without_token):
            sent = [(name, value) for name, value in sent if name.decode("latin-1").lower() not in _KEYS]
            key = settings.api_key().encode("utf-8")
            name, begin = _OWN_KEY[self.name]
            sent.append((name, begin + key))
        elif caller.key_is_token:
            raise Refusal(
                401,
                "no_upstream_key",
                f"this gateway has no key for the provider: send the token as `X-Cachecore-Token` beside your own key, "
                f"or set proxy.{self.name}.api_key_file",
            )
        return sent

    @contextlib.asynccontextmanager
    async def answer(
        self, method: str, path: str, headers: Sequence[Tuple[bytes, bytes]], payload: Optional[bytes]
    ) -> AsyncIterator[httpx.Response]:
        """``path``: what follows the provider's URL, with its query. Raises httpx.HTTPError."""
        client = self._connected()
        request = client.build_request(method, self._settings.url + path, headers=list(headers), content=payload)
        response = await client.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()


def returned_headers(response: httpx.Response) -> Headers:
    dropped = _NOT_RETURNED | {part.strip().lower() for part in response.headers.get("connection", "").split(",")}
    return tuple((name.lower(), value) for name, value in response.headers.raw if name.decode("latin-1").lower() not in dropped)


async def refused(response: httpx.Response) -> Failure:
    """An answer that is an error. What another caller sends might be taken, or might be at another moment."""
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > ERROR_BYTES_MAX:
            break
    status = response.status_code
    may_differ = status in (401, 403, 408, 409, 425, 429) or status >= 500
    return Failure(status, may_differ, headers=returned_headers(response), body=bytes(body[:ERROR_BYTES_MAX]))


def unreachable(error: httpx.HTTPError) -> Failure:
    """No answer came, or not all of it."""
    if isinstance(error, httpx.PoolTimeout):
        return Failure(503, True, "gateway_busy", "the gateway has no connection to the provider left")
    if isinstance(error, httpx.ReadTimeout):
        return Failure(504, True, "upstream_timeout", "the provider did not answer in time")
    return Failure(502, True, "upstream_unreachable", f"the provider cannot be reached ({type(error).__name__})")
